/**
 * The command line of a proxy: `weft proxy` and the bundle by itself read the same flags. Where Envoy has one, it has
 * Envoy's name and meaning, so that scripts made for Envoy start this proxy.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { logLevel } from './log-level.ts';
import type { LogLevel } from './process-log.ts';

/** What a proxy is started with. */
export interface ProxyOptions {
  /** A bootstrap file; may be absent where `configYaml` is given. */
  readonly configPath?: string | undefined;
  /** Bootstrap text that is merged over the file's. */
  readonly configYaml?: string | undefined;
  /** `validate`: read the configuration, say what is wrong with it, and end. */
  readonly mode?: 'serve' | 'validate' | undefined;
  /** Processes that carry traffic; 1: one process is the whole proxy. */
  readonly concurrency?: number | undefined;
  readonly tokenFile?: string | undefined;
  readonly trustDomain?: string | undefined;
  readonly cacheDirectory?: string | undefined;
  /** Unix socket for the SPIFFE Workload API. */
  readonly workloadApi?: string | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly logPath?: string | undefined;
  /** How long open streams may go on after SIGTERM. */
  readonly drainTimeMs?: number | undefined;
  /** How long open streams may go on in a proxy that was replaced in place. */
  readonly parentShutdownTimeMs?: number | undefined;
  /** Proxies with the same one replace each other in place; undefined: this one is not replaceable. */
  readonly baseId?: number | undefined;
  readonly restartEpoch?: number | undefined;
  /** Writes the admin address there once it is known. */
  readonly adminAddressPath?: string | undefined;
  readonly serviceNode?: string | undefined;
  readonly serviceCluster?: string | undefined;
  readonly serviceZone?: string | undefined;
  readonly version: string;
}

/** One flag. */
export interface ProxyFlag {
  readonly name: string;
  readonly short?: string;
  /** Of its value; a flag without takes none. */
  readonly value?: string;
  readonly help: string;
}

export const proxyFlags: readonly ProxyFlag[] = [
  { name: 'config-path', short: 'c', value: 'file', help: 'the bootstrap' },
  { name: 'config-yaml', value: 'text', help: 'bootstrap text, merged over the file' },
  {
    name: 'mode',
    value: 'mode',
    help: 'serve, or validate: say what is wrong with the configuration and end',
  },
  { name: 'concurrency', value: 'n', help: 'worker processes; 1: one process does it all, 0: one per CPU' },
  {
    name: 'token-file',
    value: 'file',
    help: 'service-account token that proves to the CA who we are, or a one-time token (weft ca token create)',
  },
  { name: 'trust-domain', value: 'name', help: 'trust domain of our identity (cluster.local)' },
  { name: 'cache-dir', value: 'dir', help: 'keeps the last good configuration there, and starts from it' },
  {
    name: 'workload-api',
    value: 'path',
    help: 'offers our identity there to the software beside us: SPIFFE Workload API on a Unix socket',
  },
  {
    name: 'log-level',
    short: 'l',
    value: 'level',
    help: 'of the own log: debug, info, warning, error, off (info)',
  },
  { name: 'log-path', value: 'file', help: 'own log there instead of standard error' },
  { name: 'drain-time-s', value: 's', help: 'how long open streams may go on after SIGTERM (5)' },
  { name: 'base-id', value: 'n', help: 'makes the proxy replaceable in place: the same n for old and new' },
  { name: 'restart-epoch', value: 'n', help: 'takes over from the proxy of epoch n - 1 with this base id' },
  {
    name: 'parent-shutdown-time-s',
    value: 's',
    help: 'how long open streams of a replaced proxy may go on (900)',
  },
  { name: 'admin-address-path', value: 'file', help: 'writes the admin address there' },
  { name: 'service-node', value: 'id', help: 'node.id where the bootstrap has none' },
  { name: 'service-cluster', value: 'name', help: 'node.cluster where the bootstrap has none' },
  { name: 'service-zone', value: 'zone', help: 'node.locality.zone where the bootstrap has none' },
];

/** Envoy's flags about its own insides: taken, and said to have no effect. */
export const flagsWithoutEffect: readonly ProxyFlag[] = [
  { name: 'component-log-level', value: 'levels', help: '' },
  { name: 'log-format', value: 'format', help: '' },
  { name: 'log-format-escaped', help: '' },
  { name: 'enable-fine-grain-logging', help: '' },
  { name: 'drain-strategy', value: 'strategy', help: '' },
  { name: 'disable-hot-restart', help: '' },
  { name: 'skip-hot-restart-on-no-parent', help: '' },
  { name: 'skip-hot-restart-parent-stats', help: '' },
  { name: 'socket-mode', value: 'mode', help: '' },
  { name: 'local-address-ip-version', value: 'v', help: '' },
  { name: 'file-flush-interval-msec', value: 'ms', help: '' },
  { name: 'file-flush-min-size-kb', value: 'kb', help: '' },
  { name: 'cpuset-threads', help: '' },
  { name: 'reject-unknown-dynamic-fields', help: '' },
  { name: 'allow-unknown-static-fields', help: '' },
];

/** Flag values by name, as text; true for one without value. */
export type FlagValues = Readonly<Record<string, string | boolean | undefined>>;

/** Reads a whole command line. Throws an Error that says what is wrong with it. */
export function parseProxyArgs(args: readonly string[]): Omit<ProxyOptions, 'version'> {
  const options = Object.fromEntries(
    [...proxyFlags, ...flagsWithoutEffect].map(({ name, short, value }) => [
      name,
      {
        type: value === undefined ? 'boolean' : 'string',
        ...(short === undefined ? {} : { short }),
      } as const,
    ]),
  );
  return readProxyFlags(parseArgs({ args: [...args], options }).values as FlagValues);
}

/** Flag values as options. Throws an Error that says what is wrong. */
export function readProxyFlags(values: FlagValues): Omit<ProxyOptions, 'version'> {
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const seconds = (name: string): number | undefined => {
    const count = wholeNumber(name, text(name));
    return count === undefined ? undefined : count * 1000;
  };
  if (text('config-path') === undefined && text('config-yaml') === undefined)
    throw new Error('--config-path FILE is missing: the Envoy v3 bootstrap to start from');
  const restartEpoch = wholeNumber('restart-epoch', text('restart-epoch'));
  const concurrency = wholeNumber('concurrency', text('concurrency'));
  return {
    configPath: text('config-path'),
    configYaml: text('config-yaml'),
    mode: oneOf('mode', text('mode'), ['serve', 'validate']),
    concurrency: concurrency === 0 ? availableParallelism() : concurrency,
    tokenFile: text('token-file'),
    trustDomain: text('trust-domain'),
    cacheDirectory: text('cache-dir'),
    workloadApi: text('workload-api'),
    logLevel: logLevel(text('log-level')),
    logPath: text('log-path'),
    drainTimeMs: seconds('drain-time-s'),
    parentShutdownTimeMs: seconds('parent-shutdown-time-s'),
    baseId: wholeNumber('base-id', text('base-id')) ?? (restartEpoch === undefined ? undefined : 0),
    restartEpoch,
    adminAddressPath: text('admin-address-path'),
    serviceNode: text('service-node'),
    serviceCluster: text('service-cluster'),
    serviceZone: text('service-zone'),
  };
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name} takes a whole number, not '${text}'`);
}

function oneOf<T extends string>(name: string, text: string | undefined, known: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new Error(`--${name} takes ${known.join(', ')}, not '${text}'`);
}
