import { type Command, Option } from 'commander';
import { type InputFile, InputNotFound, readInputs } from '../control/watch/files/read-inputs.ts';
import { exitCodes, type Io } from './io.ts';
import { type Difference, differences, differencesText, type EngineResults } from './test/differences.ts';
import { type ReadTests, readTests, type TestFile } from './test/read-tests.ts';
import { failuresText, jsonReport, junitReport, summaryText } from './test/report.ts';
import { type Engine, EngineMissing, runTests, type TestResult } from './test/run-tests.ts';

/** Flags of `weft test`. */
export interface TestOptions {
  readonly engine: string;
  readonly output: 'text' | 'json' | 'junit';
  /** Run again on change. */
  readonly watch?: boolean;
}

const ENGINES = ['simulate', 'weft', 'envoy', 'all'];

/** `weft test`. */
export function addTestCommand(program: Command, io: Io): void {
  program
    .command('test')
    .description('run traffic tests: do requests go where they should?')
    .argument('<files...>', 'files and folders (recursive) with TrafficTests, or - for standard input')
    .addOption(
      new Option('--engine <engine>', 'what answers: the configuration, or proxies')
        .choices(ENGINES)
        .default('simulate'),
    )
    .addOption(
      new Option('-o, --output <format>', 'text, json or junit')
        .choices(['text', 'json', 'junit'])
        .default('text'),
    )
    .option(
      '-w, --watch',
      'run again, until Ctrl-C, whatever a changed file is a part of; print what comes out otherwise',
    )
    .addHelpText('after', HELP)
    .action(async (files: string[], flags: TestOptions) => {
      process.exitCode = await untilStoppedBy(process, (stopped) => runTest(files, flags, io, stopped));
    });
}

const HELP = `
A TrafficTest (apiVersion weft.dev/v1) names resources and requests, and what must come of each request: its workload,
its status, the shares of several workloads, what was received, who denied it. "simulate" walks what proxies would get;
nothing is started. "weft" and "envoy" start real proxies, an echo for each workload, and send real requests; "all"
runs the three and prints where they differ. Exits with 1 where a request is not as expected or a test cannot be used.

Examples:
  weft test test/traffic
  weft test reviews.test.yaml -o junit > results.xml
  weft test test/traffic --engine all         simulation, weft's proxy and Envoy beside each other
  weft test examples --watch                  again at each change of a test or of a file that it names`;

/** Signals that end a run: what was started is taken down first. */
async function untilStoppedBy(
  signals: NodeJS.Process,
  run: (stopped: () => boolean) => Promise<number>,
): Promise<number> {
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) signals.once(name, stop);
  try {
    return await run(() => isStopped);
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) signals.off(name, stop);
  }
}

/** Runs the tests and prints what became of them. `stopped`: no more is wanted. */
export async function runTest(
  files: readonly string[],
  options: TestOptions,
  io: Io,
  stopped: () => boolean = () => false,
): Promise<number> {
  if (options.watch === true) return watch(files, options, io, stopped);
  let inputs: InputFile[];
  try {
    inputs = await readInputs(files, io);
  } catch (error) {
    if (!(error instanceof InputNotFound)) throw error;
    io.err(`weft test: ${error.message}\n`);
    return exitCodes.misused;
  }
  const read = readTests(inputs);
  if (read.tests.length === 0 && read.problems.length === 0) {
    io.err(`weft test: there is no TrafficTest in ${files.join(', ')}\n`);
    return exitCodes.misused;
  }
  const names = enginesOf(options);
  const all: EngineResults[] = [];
  try {
    for (const engine of names)
      all.push({ engine, results: await runWith(engine, read, options, io, stopped) });
  } catch (error) {
    if (!(error instanceof EngineMissing)) throw error;
    io.err(`weft test: ${error.message}\n`);
    return exitCodes.notFine;
  }
  if (stopped()) {
    io.err('weft test: stopped before the end\n');
    return exitCodes.notFine;
  }
  const found = differences(all);
  if (options.output === 'json') io.out(jsonOf(options, all, found));
  else if (options.output === 'junit') io.out(junitReport(all));
  else if (all.length > 1) io.out(differencesText(found, all.length));
  const fine = found.length === 0 && all.every(({ results }) => results.every(({ pass }) => pass));
  return fine ? exitCodes.fine : exitCodes.notFine;
}

function enginesOf({ engine }: TestOptions): readonly string[] {
  return engine === 'all' ? ['simulate', 'weft', 'envoy'] : [engine];
}

/** Runs until it is stopped; 2 where there is nothing that could be watched. */
async function watch(
  files: readonly string[],
  options: TestOptions,
  io: Io,
  stopped: () => boolean,
): Promise<number> {
  if (options.output === 'junit' || files.includes('-')) {
    io.err('weft test: --watch is for files and folders, and prints text or JSON\n');
    return exitCodes.misused;
  }
  const { watchTests } = await import('./test/watch.ts');
  const quietly: TestOptions = { ...options, output: 'json' };
  const run = async (read: ReadTests): Promise<readonly EngineResults[]> => {
    const all: EngineResults[] = [];
    for (const engine of enginesOf(options))
      all.push({ engine, results: await runWith(engine, read, quietly, io, stopped) });
    return all;
  };
  try {
    await watchTests(files, { io, json: options.output === 'json', stopped, run });
    return exitCodes.fine;
  } catch (error) {
    if (!(error instanceof EngineMissing)) throw error;
    io.err(`weft test: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

/** People see what fails as it fails. */
async function runWith(
  name: string,
  read: ReadTests,
  { engine, output }: TestOptions,
  io: Io,
  stopped: () => boolean,
): Promise<readonly TestResult[]> {
  const label = engine === 'all' ? `${name}: ` : '';
  const show = progress(io, name, read.tests.length);
  const results = await runTests(read, await engineNamed(name, io), io, {
    stopped,
    onTest: show,
    onResults: (some) => void (output === 'text' && io.out(prefixed(failuresText(some), label))),
  });
  if (output === 'text') io.out(prefixed(summaryText(results), label));
  return results;
}

function prefixed(text: string, label: string): string {
  return label === '' ? text : text.replace(/^(?=\S)/gm, label);
}

function jsonOf(
  { engine }: TestOptions,
  all: readonly EngineResults[],
  found: readonly Difference[],
): string {
  if (engine !== 'all') return jsonReport(engine, all[0]?.results ?? []);
  const tests = all.flatMap((one) => one.results.map((result) => ({ engine: one.engine, ...result })));
  return `${JSON.stringify({ engine, tests, differences: found })}\n`;
}

/** On a terminal: which of the tests is being run. */
function progress(io: Io, engine: string, total: number): (tested: TestFile) => void {
  if (!io.terminal || engine === 'simulate') return () => {};
  let count = 0;
  return ({ test }) =>
    void io.err(`\r\x1b[K${engine} ${++count}/${total} ${test.metadata.name}${count === total ? '\n' : ''}`);
}

/** Proxies are started by code that simulation need not load. */
async function engineNamed(name: string, io: Io): Promise<Engine> {
  if (name === 'simulate') return (await import('./test/simulated.ts')).simulated;
  const { liveEngine } = await import('./test/engine/live.ts');
  return liveEngine(name === 'envoy' ? 'envoy' : 'weft', io);
}
