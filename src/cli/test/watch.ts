import { relative } from 'node:path';
import { InputNotFound, readInputs } from '../../control/watch/files/read-inputs.ts';
import type { Io } from '../io.ts';
import type { EngineResults } from './differences.ts';
import { type ReadTests, readTests, type TestFile } from './read-tests.ts';
import { failuresText, summaryText } from './report.ts';
import type { TestResult } from './run-tests.ts';
import { changedPaths, pathsOf, type Snapshot, snapshotOf } from './watched-files.ts';

// Tests that are run again whenever a file changes that they are made of: only those, and only what came out otherwise
// is told.

/** How often files are looked at. */
const POLL_MS = 200;

/** What watching needs of the command. */
export interface WatchParts {
  readonly io: Io;
  /** Each run is one line of JSON instead of text. */
  readonly json: boolean;
  readonly stopped: () => boolean;
  /** Runs tests on each engine, from nothing to nothing: what it started is gone when it is over. */
  run(read: ReadTests): Promise<readonly EngineResults[]>;
}

/** One test as it was when it ran last. */
interface Ran {
  /** What it is made of. */
  readonly made: string;
  /** Of each engine. */
  readonly results: ReadonlyMap<string, readonly TestResult[]>;
}

/** Runs the tests, and again whatever changes, until it is stopped. */
export async function watchTests(files: readonly string[], parts: WatchParts): Promise<void> {
  const { io } = parts;
  let ran: ReadonlyMap<string, Ran> = new Map();
  let seen: Snapshot = new Map();
  for (let isFirst = true; !parts.stopped(); isFirst = false) {
    // Looked at before they are read: what changes meanwhile is seen at the next look.
    const named = await snapshotOf(files, io.cwd);
    const read = await readAgain(files, io);
    const meshes = new Map<TestFile, Snapshot>();
    for (const test of read.tests) meshes.set(test, await snapshotOf(pathsOf(test), io.cwd));
    const now: Snapshot = new Map([named, ...meshes.values()].flatMap((one) => [...one]));
    const changed = isFirst ? [] : changedPaths(seen, now);
    const next = await runChanged(read, ran, meshes, parts);
    if (parts.stopped()) return;
    tell(
      ran,
      next,
      changed.map((path) => relative(io.cwd, path)),
      parts,
    );
    ran = next;
    seen = now;
    await untilChanged(files, read.tests, now, parts);
  }
}

/** The tests as the files are now; what cannot be read is a problem of theirs, not the end. */
async function readAgain(files: readonly string[], io: Io): Promise<ReadTests> {
  try {
    return readTests(await readInputs(files, io));
  } catch (error) {
    if (!(error instanceof InputNotFound)) throw error;
    const [file = ''] = files;
    return { tests: [], problems: [{ file, line: 0, test: '', field: '', message: error.message }] };
  }
}

/** Runs the tests that are not as they were when they ran, and keeps what came of the others. */
async function runChanged(
  read: ReadTests,
  before: ReadonlyMap<string, Ran>,
  meshes: ReadonlyMap<TestFile, Snapshot>,
  { run }: WatchParts,
): Promise<ReadonlyMap<string, Ran>> {
  const made = new Map(
    [...meshes].map(([one, mesh]) => [
      one,
      JSON.stringify([one.test, one.file, one.provenance.line, [...mesh]]),
    ]),
  );
  const stale = read.tests.filter((test) => before.get(nameOf(test))?.made !== made.get(test));
  const all = stale.length === 0 ? [] : await run({ tests: stale, problems: [] });
  const next = new Map<string, Ran>();
  for (const test of read.tests) {
    const name = nameOf(test);
    const known = before.get(name);
    const results = new Map(
      all.map(({ engine, results }) => [engine, results.filter((one) => isOf(one, test))]),
    );
    const ran = { made: made.get(test) ?? '', results };
    next.set(name, stale.includes(test) || known === undefined ? ran : known);
  }
  const problems = read.problems.map(
    ({ file, line, test, field, message }): TestResult => ({
      file,
      line,
      test,
      request: '',
      pass: false,
      failures: [{ what: field === '' ? 'file' : field, expected: '', actual: message }],
      unobserved: [],
    }),
  );
  if (problems.length > 0) next.set('', { made: '', results: new Map([['', problems]]) });
  return next;
}

/** The order of tests in files may change; two of one name in a file are told apart by nothing, and run together. */
function nameOf({ file, test }: TestFile): string {
  return `${file} ${test.metadata.name}`;
}

/** Results of a broken mesh name the mesh's file, and the test. */
function isOf(result: TestResult, { test }: TestFile): boolean {
  return result.test === test.metadata.name;
}

function tell(
  before: ReadonlyMap<string, Ran>,
  after: ReadonlyMap<string, Ran>,
  changed: readonly string[],
  { io, json }: WatchParts,
): void {
  const known = new Map(resultsOf(before).map((one) => [keyOf(one), textOf(one)]));
  const all = resultsOf(after);
  const news = all.filter((one) => {
    const last = known.get(keyOf(one));
    return last === undefined ? textOf(one) !== 'ok' : last !== textOf(one);
  });
  if (json) {
    const tests = news.map(({ result, engine }) => ({ ...(engine === '' ? {} : { engine }), ...result }));
    const failed = all.filter(({ result }) => !result.pass).length;
    io.out(`${JSON.stringify({ changed, tests, requests: all.length, failed })}\n`);
    return;
  }
  if (changed.length > 0) io.out(`\n${changed.join(', ')} changed\n`);
  for (const { engine, result } of news) io.out(`${engine === '' ? '' : `${engine}: `}${newsText(result)}`);
  io.out(all.length === 0 ? 'there is no TrafficTest\n' : summaryText(all.map(({ result }) => result)));
}

interface Told {
  readonly engine: string;
  readonly result: TestResult;
}

function resultsOf(ran: ReadonlyMap<string, Ran>): readonly Told[] {
  return [...ran.values()].flatMap(({ results }) =>
    [...results].flatMap(([engine, list]) =>
      list.map((result) => ({ engine: results.size > 1 ? engine : '', result })),
    ),
  );
}

function keyOf({ engine, result }: Told): string {
  return [engine, result.file, result.test, result.request].join(' ');
}

function textOf({ result }: Told): string {
  return result.failures.length === 0 ? 'ok' : failuresText([{ ...result, line: 0 }]);
}

function newsText(result: TestResult): string {
  if (result.failures.length > 0) return failuresText([result]);
  const name = [result.test, result.request].filter((word) => word !== '').join(': ');
  return `${result.file}:${result.line} ok ${name}\n`;
}

/** Until something is other than it was, and does not change any more: editors write in several steps. */
async function untilChanged(
  files: readonly string[],
  tests: readonly TestFile[],
  seen: Snapshot,
  { io, stopped }: WatchParts,
): Promise<void> {
  const paths = [...files, ...tests.flatMap(pathsOf)];
  let last = seen;
  while (!stopped()) {
    await new Promise((done) => setTimeout(done, POLL_MS));
    const now = await snapshotOf(paths, io.cwd);
    const isQuiet = changedPaths(last, now).length === 0;
    if (isQuiet && changedPaths(seen, now).length > 0) return;
    last = now;
  }
}
