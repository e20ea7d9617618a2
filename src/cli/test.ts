import { type Command, Option } from 'commander';
import { type InputFile, InputNotFound, readInputs } from '../control/watch/files/read-inputs.ts';
import { exitCodes, type Io } from './io.ts';
import { readTests } from './test/read-tests.ts';
import { jsonReport, junitReport, textReport } from './test/report.ts';
import { type Engine, runTests } from './test/run-tests.ts';

/** Flags of `weft test`. */
export interface TestOptions {
  readonly engine: string;
  readonly output: 'text' | 'json' | 'junit';
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
    .addHelpText('after', HELP)
    .action(async (files: string[], flags: TestOptions) => {
      process.exitCode = await runTest(files, flags, io);
    });
}

const HELP = `
A TrafficTest (apiVersion weft.dev/v1) names resources and requests, and what must come of each request: its workload,
its status, the shares of several workloads, what was received, who denied it. "simulate" walks what proxies would get;
nothing is started. Exits with 1 where a request is not as expected or a test cannot be used.

Examples:
  weft test test/traffic
  weft test reviews.test.yaml -o junit > results.xml`;

/** Proxies are started by code that simulation need not load. */
async function engineNamed(name: string, io: Io): Promise<Engine> {
  if (name === 'simulate') return (await import('./test/simulated.ts')).simulated;
  const { liveEngine } = await import('./test/engine/live.ts');
  return liveEngine(name === 'envoy' ? 'envoy' : 'weft', io);
}

/** Runs the tests and prints what became of them. */
export async function runTest(files: readonly string[], options: TestOptions, io: Io): Promise<number> {
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
  const results = await runTests(read, await engineNamed(options.engine, io), io);
  if (options.output === 'json') io.out(jsonReport(options.engine, results));
  else io.out(options.output === 'junit' ? junitReport(options.engine, results) : textReport(results));
  return results.every(({ pass }) => pass) ? exitCodes.fine : exitCodes.notFine;
}
