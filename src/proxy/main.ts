/**
 * The proxy as a process: flags, files, signals, workers. `weft proxy` and the local platform start it; run.ts is the
 * proxy. The same program is a worker where main starts it as one (workers/).
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import { network } from '../wire/net.ts';
import { originalDestination } from '../wire/original-destination.ts';
import { type ProxyBootstrap, readBootstrap } from './configure/bootstrap.ts';
import { startDataPlane } from './data-plane.ts';
import type { ProxyEnvironment } from './environment.ts';
import { refusalText } from './lowered.ts';
import type { NodeInfo } from './node-info.ts';
import { createLogSinks } from './observe/file-log-sinks.ts';
import { type ProxyOptions, parseProxyArgs } from './options.ts';
import { createProcessLog, type LeveledLog } from './process-log.ts';
import { type ReplaceableProxy, startReplaceable } from './restart/replaceable.ts';
import { startProxy } from './run.ts';
import { systemResolver } from './upstream/dns-resolver.ts';
import { forkWorker, workerFlag } from './workers/fork.ts';
import { startPool } from './workers/pool.ts';
import { createSharedSockets } from './workers/shared-sockets.ts';
import { serveAsWorker } from './workers/worker-main.ts';

/** This file, or the bundle it is in. */
const program = fileURLToPath(import.meta.url);
const defaultDrainTimeMs = 5_000;
/** Envoy's. */
const defaultParentShutdownTimeMs = 900_000;
const replacedInPlace = 'another proxy has taken over';
const certificateLifetimeSeconds = 24 * 3600;

/** Runs until SIGTERM, SIGINT or /quitquitquit; the exit code: 0, or 1 where it could not start. */
export async function runProxy(options: ProxyOptions): Promise<number> {
  const { logPath } = options;
  const write = logPath === undefined ? writeStderr : (line: string) => appendFileSync(logPath, line);
  const leveled = createProcessLog(options.logLevel ?? 'info', Date.now, write);
  const { log } = leveled;
  let proxy: ReplaceableProxy;
  try {
    const bootstrap = readConfiguration(options);
    if (options.mode === 'validate') return await validate(options, bootstrap, leveled);
    proxy = await start(options, bootstrap, leveled);
  } catch (error) {
    const file = options.configPath ?? '--config-yaml';
    for (const line of (error as Error).message.split('\n')) log('error', `${file}: ${line}`);
    return 1;
  }
  const why = await Promise.race([
    signal('SIGTERM'),
    signal('SIGINT'),
    proxy.quit.then(() => 'quitquitquit'),
    proxy.replaced.then(() => replacedInPlace),
  ]);
  log('info', `stopping: ${why}`);
  if (why === replacedInPlace) proxy.retire();
  const graceMs =
    why === replacedInPlace
      ? (options.parentShutdownTimeMs ?? defaultParentShutdownTimeMs)
      : (options.drainTimeMs ?? defaultDrainTimeMs);
  const awake = setInterval(() => {}, 1_000); // while the last sockets close
  await Promise.race([proxy.stop(graceMs), signal('SIGTERM'), signal('SIGINT')]);
  clearInterval(awake);
  return 0;
}

function readConfiguration(options: ProxyOptions): ProxyBootstrap {
  const text = options.configPath === undefined ? '' : readFileSync(options.configPath, 'utf8');
  const bootstrap = readBootstrap(text, options);
  if (!bootstrap.ok) throw new Error(refusalText(bootstrap.refusals).replaceAll('; ', '\n'));
  return bootstrap.value;
}

async function start(
  options: ProxyOptions,
  bootstrap: ProxyBootstrap,
  leveled: LeveledLog,
): Promise<ReplaceableProxy> {
  const { log } = leveled;
  const workers = options.concurrency ?? 1;
  const logLevel = options.logLevel ?? 'info';
  const settings = {
    bootstrap,
    cacheDirectory: options.cacheDirectory,
    identity: identityOf(options, bootstrap.node),
    workloadApi: options.workloadApi,
    version: options.version,
    options,
    workers,
  };
  const environment = systemEnvironment(leveled);
  return startReplaceable(options, environment, async (inherited, network, more) => {
    const proxy = await (workers === 1
      ? startProxy({ ...settings, ...more }, { ...environment, network })
      : startProxy({ ...settings, ...more }, environment, (plane) =>
          startPool(plane, {
            clock: systemClock,
            log,
            logLevel,
            sockets: createSharedSockets(workers, inherited),
            spawn: () => forkWorker(program),
          }),
        ));
    if (options.adminAddressPath !== undefined)
      writeFileSync(options.adminAddressPath, `${bootstrap.admin?.host ?? ''}:${proxy.adminPort}`);
    return proxy;
  });
}

/** What this process touches of its machine. */
function systemEnvironment(leveled: LeveledLog, shared = false): ProxyEnvironment {
  return {
    clock: systemClock,
    random: systemRandom,
    network,
    resolveName: systemResolver,
    originalDestination,
    readFile: (path) => readFileSync(path, 'utf8'),
    logs: createLogSinks(systemClock, shared),
    log: leveled.log,
    leveled,
  };
}

/** `--mode validate`: everything static is lowered, nothing listens. */
async function validate(
  options: ProxyOptions,
  bootstrap: ProxyBootstrap,
  leveled: LeveledLog,
): Promise<number> {
  const environment = systemEnvironment(leveled);
  const plane = await startDataPlane(
    { bootstrap, spiffeId: undefined, version: options.version, workers: 1, ticketSeed: '' },
    { ...environment, network: silentNetwork },
  );
  await plane.stop(0);
  process.stdout.write(`configuration '${options.configPath ?? '--config-yaml'}' OK\n`);
  return 0;
}

/** Sockets that are none: for trying a configuration. */
const silentNetwork: typeof network = {
  ...network,
  listen: async (options) => ({
    ok: true,
    value: { address: options.host ?? '', port: options.port ?? 0, close: async () => {} },
  }),
  listenUdp: async (options) => ({
    ok: true,
    value: { address: options.host, port: options.port, send() {}, close: async () => {} },
  }),
};

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

function writeStderr(line: string): void {
  process.stderr.write(line);
}

function signal(name: 'SIGTERM' | 'SIGINT'): Promise<string> {
  return new Promise((resolve) => process.once(name, () => resolve(name)));
}

if (import.meta.main) {
  if (process.argv[2] === workerFlag) serveAsWorker((leveled) => systemEnvironment(leveled, true));
  else {
    process.exitCode = await runProxy({
      ...parseProxyArgs(process.argv.slice(2)),
      version: process.env['WEFT_VERSION'] ?? '',
    });
  }
}
