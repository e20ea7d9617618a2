import type { TestCase } from '../../api/weft/traffic-test.ts';
import type { ExplainMesh } from '../../control/explain/mesh.ts';
import type { InputFile } from '../../control/watch/files/read-inputs.ts';
import type { Io } from '../io.ts';
import { offlineMesh } from '../offline-mesh.ts';
import { listensAt } from './declared-workloads.ts';
import { gatherMesh } from './gather-mesh.ts';
import { judge, untestable, type Verdict } from './judge.ts';
import { type Answer, Untestable } from './observation.ts';
import type { ReadTests, TestFile, TestProblem } from './read-tests.ts';

/** What became of one request, or of something that kept tests from being run. */
export interface TestResult extends Verdict {
  readonly file: string;
  /** Of the request. */
  readonly line: number;
  readonly test: string;
  /** '' where it is about the test as a whole. */
  readonly request: string;
}

/** A test with the mesh of its objects. */
export interface ReadyTest {
  readonly tested: TestFile;
  readonly inputs: readonly InputFile[];
  readonly mesh: ExplainMesh;
  /** What keeps it from being what it should. */
  readonly wrong: readonly TestProblem[];
}

/** Answers for the requests of tests. */
export interface Engine {
  /** The tests in the order in which they are best run; each row is run by itself, beside the others. */
  arrange(tests: readonly ReadyTest[]): readonly (readonly ReadyTest[])[];
  /** Makes ready what a test's requests are answered by. Rejects where that cannot be had. */
  open(test: ReadyTest): Promise<OpenedTest>;
  /** Ends whatever it started. */
  close(): Promise<void>;
  /** The keys that tokens of tests are signed by (JWKS). */
  readonly testKeys: string;
}

/** An engine cannot be had on this machine; the message says why. */
export class EngineMissing extends Error {
  override readonly name = 'EngineMissing';
  readonly code = 'ENGINE_MISSING';
}

/** A test whose requests can be answered. */
export interface OpenedTest {
  /** @throws Untestable */
  answer(test: TestCase): Promise<Answer>;
}

/** What a run tells while it goes on. */
export interface RunEvents {
  onTest?(tested: TestFile): void;
  /** Results as they come. */
  onResults?(results: readonly TestResult[]): void;
  /** Whether no further test is wanted. */
  stopped?(): boolean;
}

/** Runs all tests. What cannot be used of a test is a result that fails. Results are in the order of the tests. */
export async function runTests(
  { tests, problems }: ReadTests,
  engine: Engine,
  io: Io,
  told: RunEvents = {},
): Promise<readonly TestResult[]> {
  const unusable = problems.map(problemResult);
  told.onResults?.(unusable);
  const ready: ReadyTest[] = [];
  for (const tested of tests) ready.push(await makeReady(tested, engine, io));
  const results = new Map<ReadyTest, readonly TestResult[]>();
  const runRow = async (row: readonly ReadyTest[]): Promise<void> => {
    for (const test of row) {
      if (told.stopped?.() === true) return;
      told.onTest?.(test.tested);
      const fresh = await runTest(test, engine);
      told.onResults?.(fresh);
      results.set(test, fresh);
    }
  };
  try {
    await Promise.all(engine.arrange(ready).map(runRow));
  } finally {
    await engine.close();
  }
  return [...unusable, ...ready.flatMap((test) => results.get(test) ?? [])];
}

async function makeReady(tested: TestFile, engine: Engine, io: Io): Promise<ReadyTest> {
  const { inputs, problems } = await gatherMesh(tested, io);
  const { mesh, problems: invalid } = offlineMesh(inputs, listensAt(tested.test.spec.workloads ?? []), {
    testKeys: engine.testKeys,
    nowSeconds: Math.floor(Date.now() / 1000),
  });
  // Objects of a test must be valid: what is left out would not be tested.
  const test = tested.test.metadata.name;
  return { tested, inputs, mesh, wrong: [...problems, ...invalid.map((problem) => ({ ...problem, test }))] };
}

async function runTest(ready: ReadyTest, engine: Engine): Promise<readonly TestResult[]> {
  const { file, test, provenance } = ready.tested;
  const wrong = ready.wrong.map(problemResult);
  let opened: OpenedTest;
  try {
    opened = await engine.open(ready);
  } catch (error) {
    const { message } = error as Error;
    const problem = { file, line: provenance.line, test: test.metadata.name, field: '', message };
    return [...wrong, problemResult(problem)];
  }
  const asked: TestResult[] = [];
  for (const [i, request] of test.spec.requests.entries())
    asked.push({
      file,
      line: provenance.lineOf(`spec.requests[${i}]`),
      test: test.metadata.name,
      request: requestName(request),
      ...(await verdictOf(async () => judge(request, await opened.answer(request)))),
    });
  return [...wrong, ...asked];
}

async function verdictOf(run: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Untestable) return untestable(error);
    throw error;
  }
}

function requestName({ name, from, send }: TestCase): string {
  return name ?? `${send.method ?? 'GET'} ${send.url ?? ''} from ${from}`;
}

function problemResult({ file, line, test, field, message }: TestProblem): TestResult {
  const what = field === '' ? 'file' : field;
  return {
    file,
    line,
    test,
    request: '',
    pass: false,
    failures: [{ what, expected: 'something that can be used', actual: message }],
    unobserved: [],
  };
}
