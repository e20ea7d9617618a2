import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { CA_AUDIENCE } from '../../ca/service-account-token.ts';
import { openTokenIssuer, TOKEN_ISSUER } from '../../ca/token-issuer.ts';
import { processSettings } from '../../control/process-settings.ts';
import { bootstrapOf, type ControlPlaneAddress } from '../../local/bootstrap.ts';
import { freePorts, PLATFORM_PORTS } from '../../local/network/free-ports.ts';
import { PLATFORM_ADDRESS, PORTS } from '../../local/network/plan.ts';
import type { PlatformParts, PlatformProgram, ProxyCommand, ProxyRequest } from '../../local/parts.ts';
import { writeWhole } from '../../local/publish.ts';
import { dashboardAddress, type RunSettings } from '../../local/run-settings.ts';
import { apiTokenFile, openHome, userHomes } from '../../local/state.ts';
import { nodeFlags } from '../../proxy/node-flags.ts';
import { entryFile } from '../entry.ts';
import { packageVersion } from '../version.ts';

// What the local platform runs beside the applications: the control plane, a proxy for each pod, and the agent where a
// proxy is Envoy. This is the one place that knows their command lines.

/** One weft serves one mesh; the name that its certificates carry. */
const TRUST_DOMAIN = 'cluster.local';
/** The name in the control plane's certificate, as Istio's proxies know it. */
const SERVER_NAME = 'istiod.istio-system.svc';
const TOKEN_TTL_S = 3_600;
/** A proxy is not started before the control plane has shown its roots; it has so long. */
const ROOTS_TIMEOUT_MS = 30_000;
const ROOTS_POLL_MS = 20;
const ENVOY_LOG_FLUSH_MS = 200;
/** Seconds that open requests may take when a proxy is stopped. */
const DRAIN_S = 4;

/** Files and addresses of one run's parts. */
interface Layout {
  readonly settings: RunSettings;
  /** This program's command line, without a command. */
  readonly weft: readonly string[];
  readonly control: { readonly host: string; readonly port: number };
  readonly rootsFile: string;
  readonly jwksFile: string;
  readonly agentConfigs: string;
  readonly agentCaches: string;
}

/** Makes the parts of a run. Called where the platform runs. */
export async function makeParts(settings: RunSettings): Promise<PlatformParts> {
  const layout = await layOut(settings);
  const tokens = await openTokenIssuer(join(settings.paths.control, 'tokens'), Date.now);
  writeFileSync(layout.jwksFile, tokens.jwks);
  const envoy = settings.extra['envoy'] ?? '';
  return {
    programs: [controlProgram(layout)],
    proxyFiles: [process.execPath, entryFile('proxy'), ...lazyProxyFiles(), ...(envoy === '' ? [] : [envoy])],
    async proxyCommand(request) {
      await untilRoots(layout.rootsFile);
      return request.dataPlane === 'envoy'
        ? envoyCommand(request, layout, envoy)
        : weftCommand(request, layout);
    },
    proxyGone: ({ namespace, pod }) => rmSync(agentConfig(layout, namespace, pod), { force: true }),
    async issueToken({ namespace, serviceAccount, pod }) {
      const order = { namespace, serviceAccount, pod, audience: CA_AUDIENCE, ttlSeconds: TOKEN_TTL_S };
      return { token: await tokens.issueToken(order), expiresAtMs: Date.now() + TOKEN_TTL_S * 1000 };
    },
  };
}

/** What the proxy's program consists of beside its first file; there is nothing of the kind beside the sources. */
function lazyProxyFiles(): string[] {
  const folder = dirname(entryFile('proxy'));
  return readdirSync(folder)
    .filter((name) => /^(yaml|re2js|proxy-\w+)\.js$/.test(name))
    .map((name) => join(folder, name));
}

async function layOut(settings: RunSettings): Promise<Layout> {
  const { paths, way } = settings;
  const [sharedPort = 0] = way === 'shared' ? await freePorts(1, new Set(), PLATFORM_PORTS) : [];
  const control =
    way === 'shared' ? { host: '127.0.0.1', port: sharedPort } : { host: PLATFORM_ADDRESS, port: PORTS.xds };
  const layout: Layout = {
    settings,
    weft: [process.execPath, process.argv[1] ?? ''],
    control,
    rootsFile: join(paths.folder, 'roots.pem'),
    jwksFile: join(paths.control, 'jwks.json'),
    agentConfigs: join(paths.control, 'agent'),
    agentCaches: join(paths.control, 'agent-cache'),
  };
  mkdirSync(layout.agentConfigs, { recursive: true });
  mkdirSync(layout.agentCaches, { recursive: true });
  return layout;
}

/** Where whoever started the run finds a token, and what was changed. Meshes of tests offer no port to ask at. */
function accountFlags({ paths, dashboardPort }: RunSettings): Readonly<Record<string, string>> {
  if (dashboardPort === 0) return { '--audit-log': join(paths.logs, 'audit.log') };
  return {
    '--api-token-file': apiTokenFile(openHome(userHomes(process.env)), dashboardPort),
    '--audit-log': join(dirname(paths.folder), `audit-${dashboardPort}.log`),
  };
}

function controlProgram({ settings, weft, control, rootsFile, jwksFile }: Layout): PlatformProgram {
  const { paths, dir } = settings;
  const api = dashboardAddress(settings);
  const flags: Readonly<Record<string, string>> = {
    '--key-dir': join(paths.control, 'ca'),
    '--roots-file': rootsFile,
    '--token-jwks': jwksFile,
    '--token-issuer': TOKEN_ISSUER,
    '--trust-domain': TRUST_DOMAIN,
    '--listen': `${control.host}:${control.port}`,
    '--api': `${api.host}:${api.port}`,
    ...accountFlags(settings),
    ...(settings.extra['dnsUpstream'] === 'platform' ? { '--dns-upstream': PLATFORM_ADDRESS } : {}),
    '--hold-back': settings.extra['holdBack'] ?? 'on',
    '--api-auth': settings.extra['apiAuth'] ?? 'loopback',
    '--platform-objects': paths.objects,
    '--platform-status': paths.statusFile,
    '--name': PLATFORM_ADDRESS,
  };
  return {
    name: 'control',
    kind: 'control',
    argv: [
      process.execPath,
      ...processSettings.nodeFlags,
      ...weft.slice(1),
      'control',
      dir,
      ...Object.entries(flags).flat(),
    ],
    env: processSettings.env,
  };
}

/** weft's own proxy, from its bundle: it loads nothing of the rest. */
function weftCommand(request: ProxyRequest, { control, rootsFile }: Layout): ProxyCommand {
  const { folder, tokenFile } = request;
  const { concurrency, environment } = request.settings;
  const { host: address, port } = control;
  const from: ControlPlaneAddress = { kind: 'tls', address, port, serverName: SERVER_NAME, rootsFile };
  const flags: Readonly<Record<string, string>> = {
    '--config-path': join(folder, 'bootstrap.json'),
    '--token-file': tokenFile,
    '--trust-domain': TRUST_DOMAIN,
    '--cache-dir': join(folder, 'cache'),
    '--drain-time-s': `${DRAIN_S}`,
    ...(concurrency === undefined ? {} : { '--concurrency': `${concurrency}` }),
  };
  return {
    argv: [process.execPath, ...nodeFlags, entryFile('proxy'), ...Object.entries(flags).flat()],
    env: { ...environment, WEFT_VERSION: packageVersion() },
    files: { 'bootstrap.json': bootstrapText(request, from) },
  };
}

/** Envoy, which gets its configuration and its identity from the agent, on a socket of its own. */
function envoyCommand(request: ProxyRequest, layout: Layout, envoy: string): ProxyCommand {
  const { namespace, pod, folder } = request;
  const { concurrency = 1, environment = {} } = request.settings;
  if (envoy === '') {
    throw new Error(
      'Envoy is not installed; end weft up and start it again, and it is installed for this pod',
    );
  }
  const socketPath = join(layout.settings.paths.folder, `e${shortHash(`${namespace}/${pod}`)}.sock`);
  writeWhole(agentConfig(layout, namespace, pod), agentConfigText(request, layout, socketPath));
  const argv = [
    envoy,
    '--config-path',
    join(folder, 'bootstrap.json'),
    '--concurrency',
    `${concurrency === 0 ? availableParallelism() : concurrency}`,
    '--disable-hot-restart',
    // Its logs would be ten seconds late.
    '--file-flush-interval-msec',
    `${ENVOY_LOG_FLUSH_MS}`,
  ];
  return {
    argv: [...argv, '--log-level', 'warning', '--drain-time-s', `${DRAIN_S}`],
    env: environment,
    files: { 'bootstrap.json': bootstrapText(request, { kind: 'pipe', path: socketPath }) },
    needs: [
      {
        name: 'agent',
        kind: 'agent',
        argv: [...layout.weft, 'agent', '--config-dir', layout.agentConfigs],
        env: {},
      },
    ],
  };
}

function agentConfigText(
  request: ProxyRequest,
  { control, rootsFile, agentCaches }: Layout,
  socketPath: string,
): string {
  const { namespace, pod, serviceAccount, tokenFile, runsAsUid } = request;
  return JSON.stringify({
    namespace,
    pod,
    serviceAccount,
    trustDomain: TRUST_DOMAIN,
    socketPath,
    ...(runsAsUid === undefined ? {} : { socketUid: runsAsUid }),
    tokenFile,
    controlAddress: `${control.host}:${control.port}`,
    caRoot: rootsFile,
    serverName: SERVER_NAME,
    cacheDir: join(agentCaches, `${namespace}.${pod}`),
  });
}

function agentConfig({ agentConfigs }: Layout, namespace: string, pod: string): string {
  return join(agentConfigs, `${namespace}.${pod}.json`);
}

function bootstrapText(request: ProxyRequest, control: ControlPlaneAddress): string {
  const bootstrap = bootstrapOf(request, control, { trustDomain: TRUST_DOMAIN, meshId: TRUST_DOMAIN });
  return `${JSON.stringify(bootstrap, undefined, 1)}\n`;
}

/** The control plane writes its roots when it starts for the first time; before that nobody could verify it. */
async function untilRoots(file: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < ROOTS_TIMEOUT_MS; waitedMs += ROOTS_POLL_MS) {
    if (existsSync(file) && readFileSync(file, 'utf8').includes('-----END CERTIFICATE-----')) return;
    await new Promise((resolve) => setTimeout(resolve, ROOTS_POLL_MS));
  }
  throw new Error('the control plane did not start; its log says why');
}

// Paths of Unix sockets are short (107 bytes); names of pods need not be.
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
