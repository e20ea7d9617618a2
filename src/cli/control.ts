import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunningControl } from '../control/main.ts';
import type { ControlOptions } from '../control/options.ts';
import { type Cidr, parseCidr } from '../lib/cidr.ts';
import { isLoopbackHost } from '../lib/loopback.ts';
import { hostAndPort } from './ca.ts';
import { entryFile } from './entry.ts';
import { exitCodes, type Io } from './io.ts';
import { untilStopped } from './stop.ts';
import { packageVersion } from './version.ts';

/** `weft control`: the control plane by itself. */
export function addControlCommand(program: Command, io: Io): void {
  program
    .command('control')
    .description('serve the control plane by itself: xDS, certificates, the API and the dashboard')
    .argument('<paths...>', 'files and folders of resources; changes are picked up as they are made')
    .requiredOption('--key-dir <dir>', 'folder of the CA key; a root is made there at the first start')
    .option('--cacerts <dir>', 'your own CA: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem')
    .option('--roots-file <file>', 'write the trust bundle (PEM) there for clients')
    .option('--token-jwks <file>', 'public keys of service-account tokens (JWKS)')
    .option('--token-issuer <text>', 'the issuer (iss) that tokens must name')
    .option('--trust-domain <name>', 'trust domain', 'cluster.local')
    .option('--trust-domain-alias <name...>', 'older names of the trust domain: accepted, never issued')
    .option('--cluster-domain <name>', 'suffix of the names of Services', 'cluster.local')
    .option('--root-namespace <name>', 'namespace whose policies hold for the whole mesh', 'istio-system')
    .option('--dns-upstream <address...>', 'resolvers (IP or IP:PORT) for names outside the mesh')
    .addOption(address('--listen <host:port>', 'xDS and CA with TLS', '127.0.0.1:15012'))
    .addOption(address('--plain <host:port>', 'xDS without TLS, on a loopback address only', 'none'))
    .option('--jwks-allow <cidr...>', 'private ranges that keys of tokens (jwksUri) may be fetched from')
    .option('--plain-tokens', 'ask for a token on the port without TLS, too')
    .option('--name <name...>', 'DNS names and addresses under which proxies reach it, for its certificate')
    .addOption(address('--api <address>', 'API and dashboard: HOST:PORT or unix:PATH', '127.0.0.1:20001'))
    .addOption(
      new Option('--api-auth <who>', 'who may look without a token: callers of this machine, or nobody')
        .choices(['loopback', 'required'])
        .default('loopback'),
    )
    .option(
      '--api-users <file>',
      'who may call the API: JSON with hashes of tokens, names in certificates, and roles',
    )
    .option('--api-token-file <file>', 'write the token of an administrator there, for as long as this runs')
    .option('--api-cert <file>', 'serve the API with TLS: its certificate (PEM); needs --api-key')
    .option('--api-key <file>', 'the key of --api-cert (PEM)')
    .option('--api-client-ca <file>', 'take certificates of clients that this CA (PEM) has signed')
    .option('--audit-log <file>', 'where changes are written down; audit.log in --key-dir by default')
    .option('--allowed-host <name...>', 'names under which the dashboard may be opened')
    .addOption(
      new Option('--hold-back <on|off>', 'routes wait for the subsets and services that they lead to')
        .choices(['on', 'off'])
        .default('on'),
    )
    .option('--platform-objects <dir>', 'objects that the platform makes (Pods, cluster IPs)')
    .option('--platform-status <file>', "the platform's table of processes")
    .addHelpText('after', HELP)
    .action(async (paths: string[], flags: ControlFlags) => {
      process.exitCode = await runControl(controlOptions(paths, flags), io);
    });
}

const HELP = `
Examples:
  weft control mesh/ --key-dir ./ca --token-jwks ./jwks.json --roots-file ./roots.pem
  weft control mesh/ --key-dir ./ca --listen 0.0.0.0:15012 --name mesh.example`;

/** An address on TCP, a Unix socket, or none. */
type Address = { readonly host: string; readonly port: number } | { readonly socketPath: string } | 'none';

interface ControlFlags {
  readonly keyDir: string;
  readonly cacerts?: string;
  readonly rootsFile?: string;
  readonly tokenJwks?: string;
  readonly tokenIssuer?: string;
  readonly trustDomain: string;
  readonly trustDomainAlias?: readonly string[];
  readonly clusterDomain: string;
  readonly rootNamespace: string;
  readonly dnsUpstream?: readonly string[];
  readonly jwksAllow?: readonly string[];
  readonly listen: Address;
  readonly plain: Address;
  readonly plainTokens?: boolean;
  readonly name?: readonly string[];
  readonly api: Address;
  readonly allowedHost?: readonly string[];
  readonly apiAuth: 'loopback' | 'required';
  readonly apiUsers?: string;
  readonly apiTokenFile?: string;
  readonly apiCert?: string;
  readonly apiKey?: string;
  readonly apiClientCa?: string;
  readonly auditLog?: string;
  readonly holdBack: 'on' | 'off';
  readonly platformObjects?: string;
  readonly platformStatus?: string;
}

/** Serves until SIGINT or SIGTERM; 1 where it cannot start. */
export async function runControl(options: ControlOptions, io: Io): Promise<number> {
  let control: RunningControl;
  try {
    // By its own bundle: dist/cli.js carries nothing of the control plane.
    const entry = pathToFileURL(entryFile('control')).href;
    const main = (await import(entry)) as typeof import('../control/main.ts');
    control = await main.runControl(options, {
      log: (line) => io.err(`${line}\n`),
      ownProcess: true,
    });
  } catch (error) {
    io.err(`weft control: ${error instanceof Error ? error.message : error}\n`);
    return exitCodes.notFine;
  }
  const { securePort, plainPort, apiPort } = control;
  const stopped = untilStopped(); // before anyone is told that it is ready
  io.out(`${JSON.stringify({ ready: true, securePort, plainPort, apiPort })}\n`);
  await stopped;
  await control.close();
  return exitCodes.fine;
}

function controlOptions(paths: readonly string[], flags: ControlFlags): ControlOptions {
  const { listen, plain, api, name, cacerts, tokenJwks, platformStatus } = flags;
  const dashboardDir = findDashboard();
  return {
    version: packageVersion(),
    paths,
    keyDir: flags.keyDir,
    trustDomain: flags.trustDomain,
    ...(flags.trustDomainAlias && { trustDomainAliases: flags.trustDomainAlias }),
    clusterDomain: flags.clusterDomain,
    rootNamespace: flags.rootNamespace,
    secure: onTcp('--listen', listen),
    ...(plain !== 'none' && {
      plain: { ...onLoopback('--plain', plain), authenticate: flags.plainTokens === true },
    }),
    holdBack: flags.holdBack === 'on',
    api: api === 'none' ? onTcp('--api', api) : api,
    ...(name && { names: namesOf(name) }),
    ...(cacerts !== undefined && { cacertsDir: cacerts }),
    ...(tokenJwks !== undefined && { tokenJwksFile: tokenJwks }),
    ...(platformStatus !== undefined && { platformStatusFile: platformStatus }),
    ...(flags.rootsFile !== undefined && { rootsFile: flags.rootsFile }),
    ...(flags.tokenIssuer !== undefined && { tokenIssuer: flags.tokenIssuer }),
    ...(flags.jwksAllow && { jwksAllow: flags.jwksAllow.map(rangeOf) }),
    ...(flags.dnsUpstream && { dnsUpstreams: flags.dnsUpstream }),
    ...(flags.allowedHost && { allowedHosts: flags.allowedHost }),
    ...apiAccessOf(flags),
    ...(flags.platformObjects !== undefined && { platformObjects: flags.platformObjects }),
    ...(dashboardDir !== undefined && { dashboardDir }),
  };
}

function apiAccessOf(flags: ControlFlags): Partial<ControlOptions> {
  const { apiCert, apiKey, apiClientCa, apiUsers, apiTokenFile, auditLog } = flags;
  if ((apiCert === undefined) !== (apiKey === undefined))
    throw new InvalidArgumentError('--api-cert and --api-key are given together.');
  if (apiClientCa !== undefined && apiCert === undefined)
    throw new InvalidArgumentError('--api-client-ca needs --api-cert and --api-key.');
  return {
    apiAuth: flags.apiAuth,
    ...(apiUsers !== undefined && { apiUsersFile: apiUsers }),
    ...(apiTokenFile !== undefined && { apiTokenFile }),
    ...(auditLog !== undefined && { auditFile: auditLog }),
    ...(apiCert !== undefined &&
      apiKey !== undefined && {
        apiTls: {
          certFile: apiCert,
          keyFile: apiKey,
          ...(apiClientCa !== undefined && { clientCaFile: apiClientCa }),
        },
      }),
  };
}

function address(flags: string, description: string, value: string): Option {
  return new Option(flags, description).default(parseAddress(value), value).argParser(parseAddress);
}

function rangeOf(text: string): Cidr {
  const range = parseCidr(text);
  if (range === undefined)
    throw new InvalidArgumentError(`--jwks-allow takes ranges such as 10.0.0.0/8, not ${text}.`);
  return range;
}

function parseAddress(text: string): Address {
  if (text === 'none') return 'none';
  return text.startsWith('unix:') ? { socketPath: text.slice('unix:'.length) } : hostAndPort(text);
}

function onTcp(flag: string, where: Address): { readonly host: string; readonly port: number } {
  if (where === 'none' || 'socketPath' in where) throw new InvalidArgumentError(`${flag} takes HOST:PORT.`);
  return where;
}

/** What is not encrypted stays on this machine. */
function onLoopback(flag: string, where: Address): { readonly host: string; readonly port: number } {
  const tcp = onTcp(flag, where);
  if (isLoopbackHost(tcp.host)) return tcp;
  throw new InvalidArgumentError(
    `${flag} takes a loopback address: ${tcp.host} would be served without TLS.`,
  );
}

function namesOf(names: readonly string[]): NonNullable<ControlOptions['names']> {
  const isAddress = (name: string): boolean => /^[0-9.]+$/.test(name) || name.includes(':');
  return {
    dnsNames: names.filter((name) => !isAddress(name)),
    ipAddresses: names.filter(isAddress),
  };
}

/** `dashboard/` beside dist/ in a build, two folders up in the source. */
function findDashboard(): string | undefined {
  return ['../dashboard', '../../dashboard']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(`${path}/index.html`));
}
