/**
 * The smallest mesh with mutual TLS that is whole: a control plane with its CA, a gateway `front` that takes plain HTTP,
 * a gateway `back` that takes mutual TLS, an application, and a gateway `aside` that leads to `back` as well. Each gateway is weft's proxy or Envoy behind the agent. No
 * namespaces and no root are needed: gateways listen on ports of their own.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningAgent, runAgent } from '../../src/agent/main.ts';
import { CA_AUDIENCE } from '../../src/ca/service-account-token.ts';
import { openTokenIssuer } from '../../src/ca/token-issuer.ts';
import { type RunningControl, runControl } from '../../src/control/main.ts';
import { bootstrapOf } from '../../src/local/bootstrap.ts';
import type { CaReport } from '../../src/server/contract.ts';
import { freePorts } from '../serve/envoy.ts';

export type DataPlane = 'weft' | 'envoy';
export type Member = 'front' | 'back' | 'aside';

export interface PairOptions {
  readonly planes: Readonly<Record<Member, DataPlane>>;
  /** Needed where one of them is Envoy. */
  readonly envoy: string | undefined;
  /** Who has no service-account token but a one-time token, as a machine outside of any platform. */
  readonly joins?: readonly Member[];
  /** Lifetime of certificates. */
  readonly leafTtlS: number;
  /** Worker processes of weft's proxies; default 1. */
  readonly workers?: number;
}

export interface Pair {
  readonly folder: string;
  readonly keyDir: string;
  /** Where requests go in. */
  readonly url: string;
  /** The same by way of `aside`. */
  readonly asideUrl: string;
  readonly frontPort: number;
  /** Port of `back`, which takes mutual TLS only. */
  readonly backPort: number;
  readonly api: string;
  /** The first one: its ports stay. */
  readonly control: RunningControl;
  /** PEM of the roots as the control plane writes them. */
  readonly rootsFile: string;
  /** A service-account token for the CA. */
  tokenFor(pod: string, serviceAccount: string): Promise<string>;
  /** Ends the control plane with its CA and starts it again, on the same ports and folder. */
  restartControl(): Promise<void>;
  readonly log: readonly string[];
  ca(): Promise<CaReport>;
  /** The socket of a member's Workload API. */
  workloadApi(member: Member): string;
  /** Process of a member's proxy. */
  pid(member: Member): number;
  output(): string;
  /** Kills a member's proxy and starts it again. */
  restart(member: Member): Promise<void>;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const members: readonly Member[] = ['front', 'back', 'aside'];

/** Starts all of it; whether it serves already is for the caller to see. */
export async function startPair(options: PairOptions): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-pair-'));
  const app = createServer((_request, response) => response.end('served'));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const [frontPort = 0, backPort = 0, asidePort = 0, ...more] = freePorts(12);
  const resources = join(folder, 'mesh');
  mkdirSync(resources);
  writeFileSync(
    join(resources, 'mesh.yaml'),
    meshYaml({ frontPort, backPort, asidePort, appPort: portOf(app) }),
  );
  const keyDir = join(folder, 'ca');
  const tokens = await openTokenIssuer(join(folder, 'tokens'), Date.now);
  writeFileSync(join(folder, 'jwks.json'), tokens.jwks);
  const log: string[] = [];
  const rootsFile = join(folder, 'roots.pem');
  const runOn = (securePort: number, apiPort: number): Promise<RunningControl> =>
    runControl(
      {
        version: 'test',
        paths: [resources],
        keyDir,
        rootsFile,
        tokenJwksFile: join(folder, 'jwks.json'),
        trustDomain: 'cluster.local',
        lifetime: { defaultTtlS: options.leafTtlS, maxTtlS: options.leafTtlS },
        secure: { host: '127.0.0.1', port: securePort },
        api: { host: '127.0.0.1', port: apiPort },
      },
      { log: (line) => log.push(line) },
    );
  let control = await runOn(0, 0);
  const agentDir = join(folder, 'agent');
  mkdirSync(agentDir);
  const processes = new Map<Member, ChildProcess>();
  let output = '';
  const controlAddress = { address: '127.0.0.1', port: control.securePort };
  const start = async (member: Member, ports: { admin: number; health: number; metrics: number }) => {
    const own = join(folder, member);
    mkdirSync(own);
    const tokenFile = join(own, 'token');
    const token = { namespace: 'default', serviceAccount: member, pod: `${member}-1` };
    if (options.joins?.includes(member)) makeJoinToken(keyDir, member, tokenFile);
    else {
      const text = await tokens.issueToken({ ...token, audience: CA_AUDIENCE, ttlSeconds: 3600 });
      writeFileSync(tokenFile, text, { mode: 0o600 });
    }
    const socketPath = join(own, 'ads.sock');
    const isEnvoy = options.planes[member] === 'envoy';
    const bootstrap = bootstrapOf(
      {
        ...token,
        uid: member,
        workload: member,
        labels: { gateway: member },
        annotations: {},
        address: '127.0.0.1',
        kind: 'gateway',
        appPorts: [],
        settings: {},
        ports,
      },
      isEnvoy
        ? { kind: 'pipe', path: socketPath }
        : { kind: 'tls', ...controlAddress, serverName: 'istiod.istio-system.svc', rootsFile },
      { trustDomain: 'cluster.local', meshId: 'test' },
    );
    const file = join(own, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap));
    if (isEnvoy) {
      const config = {
        ...token,
        socketPath,
        tokenFile,
        controlAddress: `127.0.0.1:${control.securePort}`,
        caRoot: rootsFile,
        workloadApi: join(own, 'spiffe.sock'),
        cacheDir: join(own, 'cache'),
      };
      writeFileSync(join(agentDir, `${member}.json`), JSON.stringify(config));
    }
    const weft = ['--config-path', file, '--token-file', tokenFile, '--cache-dir', join(own, 'cache')];
    weft.push('--workload-api', join(own, 'spiffe.sock'));
    if (options.workers !== undefined) weft.push('--concurrency', `${options.workers}`);
    return {
      member,
      argv: isEnvoy
        ? [options.envoy ?? '', '-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warning']
        : [process.execPath, join(root, 'src/proxy/main.ts'), ...weft],
    };
  };
  const starts = await Promise.all(
    members.map((member, i) => {
      const [admin = 0, health = 0, metrics = 0] = more.slice(3 * i, 3 * i + 3);
      return start(member, { admin, health, metrics });
    }),
  );
  let agent: RunningAgent | undefined;
  if (members.some((member) => options.planes[member] === 'envoy'))
    agent = await runAgent({ configDir: agentDir }, { log: (line) => log.push(line) });
  const launch = ({ member, argv }: (typeof starts)[number]): void => {
    const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => (output = (output + data).slice(-20_000)));
    processes.set(member, child);
  };
  const kill = async (member: Member): Promise<void> => {
    const child = processes.get(member);
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  for (const one of starts) launch(one);
  const api = `http://127.0.0.1:${control.apiPort}`;
  return {
    folder,
    keyDir,
    url: `http://127.0.0.1:${frontPort}/`,
    asideUrl: `http://127.0.0.1:${asidePort}/`,
    frontPort,
    backPort,
    api,
    control,
    log,
    rootsFile,
    tokenFor: (pod, serviceAccount) =>
      tokens.issueToken({
        namespace: 'default',
        serviceAccount,
        pod,
        audience: CA_AUDIENCE,
        ttlSeconds: 3600,
      }),
    async restartControl() {
      const { securePort, apiPort } = control;
      await control.close();
      control = await runOn(securePort, apiPort);
    },
    workloadApi: (member) => join(folder, member, 'spiffe.sock'),
    ca: async () => (await (await fetch(`${api}/api/ca`)).json()) as CaReport,
    pid: (member) => processes.get(member)?.pid ?? 0,
    output: () => output,
    async restart(member) {
      await kill(member);
      for (const one of starts) if (one.member === member) launch(one);
    },
    async stop() {
      await Promise.all(members.map(kill));
      await agent?.close();
      await control.close();
      await new Promise((resolve) => app.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As an operator makes it: by a process of its own, into a file. */
function makeJoinToken(keyDir: string, member: Member, file: string): void {
  const who = ['--workload', `default/${member}-1`, '--service-account', member];
  const cli = join(root, 'src/cli/main.ts');
  const args = ['ca', 'token', 'create', '--key-dir', keyDir, ...who, '--ttl', '1m', '--out', file];
  execFileSync(process.execPath, [cli, ...args], { timeout: 30_000 });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

interface Ports {
  readonly frontPort: number;
  readonly backPort: number;
  readonly asidePort: number;
  readonly appPort: number;
}

function meshYaml({ frontPort, backPort, asidePort, appPort }: Ports): string {
  const pod = (name: string): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}-1, namespace: default, labels: {gateway: ${name}}}
spec: {serviceAccountName: ${name}, containers: [{name: istio-proxy, image: auto}]}
status: {phase: Running, podIP: 127.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
`;
  const entry = (name: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}, namespace: default}
spec:
  selector: {gateway: ${name}}
  servers: [{port: {number: ${port}, protocol: HTTP, name: http}, hosts: ["*"]}]
---
`;
  return `${pod('front')}${pod('back')}${pod('aside')}${pod('witness')}${entry('front', frontPort)}${entry('aside', asidePort)}apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: back, namespace: default}
spec:
  selector: {gateway: back}
  servers: [{port: {number: ${backPort}, protocol: HTTPS, name: https}, hosts: ["back.mesh"], tls: {mode: ISTIO_MUTUAL}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: default}
spec:
  gateways: [front, aside]
  hosts: ["*"]
  http: [{route: [{destination: {host: back.mesh, port: {number: ${backPort}}}}], rewrite: {authority: back.mesh}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back, namespace: default}
spec:
  gateways: [back]
  hosts: [back.mesh]
  http: [{route: [{destination: {host: app.mesh, port: {number: ${appPort}}}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: back, namespace: default}
spec:
  hosts: [back.mesh]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${backPort}, protocol: HTTP, name: http}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: app, namespace: default}
spec:
  hosts: [app.mesh]
  resolution: STATIC
  ports: [{number: ${appPort}, protocol: HTTP, name: http}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: back, namespace: default}
spec:
  host: back.mesh
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL, sni: back.mesh, subjectAltNames: ["spiffe://cluster.local/ns/default/sa/back"]}
    # New connections all the time: each handshake uses whatever certificates and roots are in force.
    connectionPool: {http: {maxRequestsPerConnection: 20}}
`;
}
