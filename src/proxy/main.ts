/**
 * The proxy as a process: flags, files, signals. `weft proxy` and the local platform start it; run.ts is the proxy.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import { network } from '../wire/net.ts';
import { originalDestination } from '../wire/original-destination.ts';
import { readBootstrap } from './configure/bootstrap.ts';
import { refusalText } from './lowered.ts';
import type { NodeInfo } from './node-info.ts';
import { createLogSinks } from './observe/file-log-sinks.ts';
import { createProcessLog, type LogLevel } from './process-log.ts';
import { type RunningProxy, startProxy } from './run.ts';
import { systemResolver } from './upstream/dns-resolver.ts';

/** What `weft proxy` takes. */
export interface ProxyOptions {
  readonly configPath: string;
  readonly tokenFile?: string;
  readonly trustDomain?: string;
  readonly cacheDirectory?: string;
  readonly logLevel?: LogLevel;
  /** How long open streams may go on after SIGTERM. */
  readonly drainTimeMs?: number;
  readonly version: string;
}

const defaultDrainTimeMs = 5_000;
const certificateLifetimeSeconds = 24 * 3600;

/** Runs until SIGTERM, SIGINT or /quitquitquit; the exit code: 0, or 1 where it could not start. */
export async function runProxy(options: ProxyOptions): Promise<number> {
  const log = createProcessLog(
    options.logLevel ?? 'info',
    Date.now,
    (line) => void process.stderr.write(line),
  );
  let proxy: RunningProxy;
  try {
    proxy = await start(options, log);
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) log('error', `${options.configPath}: ${line}`);
    return 1;
  }
  const why = await Promise.race([
    signal('SIGTERM'),
    signal('SIGINT'),
    proxy.quit.then(() => 'quitquitquit'),
  ]);
  log('info', `stopping: ${why}`);
  const graceMs = options.drainTimeMs ?? defaultDrainTimeMs;
  await Promise.race([proxy.stop(graceMs), signal('SIGTERM'), signal('SIGINT')]);
  return 0;
}

async function start(options: ProxyOptions, log: ReturnType<typeof createProcessLog>): Promise<RunningProxy> {
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  const bootstrap = readBootstrap(readFile(options.configPath));
  if (!bootstrap.ok) throw new Error(refusalText(bootstrap.refusals).replaceAll('; ', '\n'));
  const { node } = bootstrap.value;
  return startProxy(
    {
      bootstrap: bootstrap.value,
      cacheDirectory: options.cacheDirectory,
      identity: identityOf(options, node),
      version: options.version,
    },
    {
      clock: systemClock,
      random: systemRandom,
      network,
      resolveName: systemResolver,
      originalDestination,
      readFile,
      logs: createLogSinks(systemClock),
      log,
    },
  );
}

function identityOf(options: ProxyOptions, node: NodeInfo) {
  if (options.tokenFile === undefined) return undefined;
  const trustDomain = options.trustDomain ?? 'cluster.local';
  const spiffeId = workloadSpiffeId({
    trustDomain,
    namespace: node.namespace,
    serviceAccount: node.serviceAccount,
  });
  return { spiffeId, tokenFile: options.tokenFile, lifetimeSeconds: certificateLifetimeSeconds };
}

function signal(name: 'SIGTERM' | 'SIGINT'): Promise<string> {
  return new Promise((resolve) => process.once(name, () => resolve(name)));
}

/** The flags of this entry when it is started as a process. */
export function parseProxyArgs(args: readonly string[]): Omit<ProxyOptions, 'version'> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'config-path': { type: 'string', short: 'c' },
      'token-file': { type: 'string' },
      'trust-domain': { type: 'string' },
      'cache-dir': { type: 'string' },
      'log-level': { type: 'string' },
      'drain-time-s': { type: 'string' },
    },
  });
  if (values['config-path'] === undefined)
    throw new Error('--config-path FILE is missing: the Envoy v3 bootstrap to start from');
  return {
    configPath: values['config-path'],
    ...(values['token-file'] === undefined ? {} : { tokenFile: values['token-file'] }),
    ...(values['trust-domain'] === undefined ? {} : { trustDomain: values['trust-domain'] }),
    ...(values['cache-dir'] === undefined ? {} : { cacheDirectory: values['cache-dir'] }),
    ...(values['log-level'] === undefined ? {} : { logLevel: values['log-level'] as LogLevel }),
    ...(values['drain-time-s'] === undefined ? {} : { drainTimeMs: Number(values['drain-time-s']) * 1000 }),
  };
}

if (import.meta.main) {
  process.exitCode = await runProxy({
    ...parseProxyArgs(process.argv.slice(2)),
    version: process.env['WEFT_VERSION'] ?? '',
  });
}
