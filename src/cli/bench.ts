import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { exitCodes, type Io, type OutputFormat } from './io.ts';

/** What `weft bench push` passes on, likewise. */
interface PushFlags {
  readonly services?: string;
  readonly proxies?: string;
  readonly rounds?: string;
  readonly profile?: string;
  readonly output: OutputFormat;
}

/** What `weft bench` passes on; the bench itself checks it. */
interface BenchFlags {
  readonly rounds?: string;
  readonly seconds?: string;
  readonly only?: string;
  readonly peers?: string;
  readonly rate?: string;
  readonly weft?: string;
  readonly profile?: string;
  readonly output: OutputFormat;
}

const help = `
Peers are weft's proxy and whatever is installed of Envoy (WEFT_ENVOY, PATH or .weft/), HAProxy and nginx. They take
turns within each round; medians are printed, with ratios to Envoy. Scenarios: http1, tls-upstream, mutual-tls, sidecars,
bodies, http2, grpc, tcp, tls-tcp, handshakes, idle, start. All of them take about ten minutes. Load goes to 127.0.0.1.

Examples:
  weft bench
  weft bench --only http1,mutual-tls --peers weft,envoy --rounds 7
  weft bench -o json > bench.json
  weft bench push --services 1000 --proxies 400`;

const pushHelp = `
A mesh is written as files, weft control reads them, and light clients in another process ask for what an Envoy asks for and
accept everything at once. Measured: CPU of the control plane, time until the last has answered, memory.

Examples:
  weft bench push
  weft bench push --services 5000 --proxies 100,1000 --rounds 3
  weft bench push -o json > push.json`;

/** `weft bench`: runs bench/peers, or bench/push.ts, of the checkout: they are no part of the built program. */
export function addBenchCommand(program: Command, io: Io): void {
  const bench = program
    .command('bench')
    .enablePositionalOptions()
    .description("weft's proxy beside Envoy, HAProxy and nginx: CPU, latency, memory")
    .option('--rounds <n>', 'how often each takes its turn (default 3)')
    .option('--seconds <s>', 'of load per turn and kind of load (default 3)')
    .option('--only <names>', 'scenarios, with commas')
    .option('--peers <names>', 'who takes part, with commas')
    .option('--rate <n>', 'requests per second where latency is measured (default 1000)')
    .option('--weft <file>', 'the program of another build of the proxy instead of dist/proxy.js')
    .option('--profile <folder>', "V8's CPU profiles of weft's proxy go there")
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(async (flags: BenchFlags) => {
      process.exitCode = await runBench('peers/main.ts', flags, io);
    });
  bench
    .command('push')
    .description('the control plane with many proxies: what a change costs, cold start, memory')
    .option('--services <n>', 'numbers of services, with commas (default 1000,5000)')
    .option('--proxies <n>', 'numbers of proxies, with commas (default 100,400,1000)')
    .option('--rounds <n>', 'changes of each kind, whose median counts (default 5)')
    .option('--profile <folder>', "V8's CPU profiles of the control plane go there")
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', pushHelp)
    .action(async (flags: PushFlags) => {
      process.exitCode = await runBench('push.ts', flags, io);
    });
}

/** Runs a bench to its end; its exit code. Its output is this process's own. */
async function runBench(name: string, flags: BenchFlags | PushFlags, io: Io): Promise<number> {
  const file = benchFile(name);
  if (file === undefined) {
    io.err('weft bench: needs a checkout of weft: bench/ is not part of an installed weft\n');
    return exitCodes.notFine;
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  // A terminal interrupts both; a signal to this process alone is passed on.
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? exitCodes.notFine));
  });
}

/** Beside dist/ or beside src/. */
function benchFile(name: string): string | undefined {
  const places = [`../bench/${name}`, `../../bench/${name}`];
  return places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((file) => existsSync(file));
}
