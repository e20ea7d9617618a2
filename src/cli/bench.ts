import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { exitCodes, type Io, type OutputFormat } from './io.ts';

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
  weft bench -o json > bench.json`;

/** `weft bench`: runs bench/peers of the checkout, which is not part of the built program. */
export function addBenchCommand(program: Command, io: Io): void {
  program
    .command('bench')
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
      process.exitCode = await runBench(flags, io);
    });
}

/** Runs the bench to its end; its exit code. Its output is this process's own. */
async function runBench(flags: BenchFlags, io: Io): Promise<number> {
  const file = benchFile();
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
function benchFile(): string | undefined {
  const places = ['../bench/peers/main.ts', '../../bench/peers/main.ts'];
  return places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((file) => existsSync(file));
}
