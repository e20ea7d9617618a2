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

/** Answers for the requests of one test after the other. */
export interface Engine {
  /** Makes ready what a test's requests are answered by. Rejects where that cannot be had. */
  open(mesh: ExplainMesh, tested: TestFile, inputs: readonly InputFile[]): Promise<OpenedTest>;
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
  close(): Promise<void>;
}

/** What a run tells while it goes on. */
export interface RunEvents {
  onTest?(tested: TestFile): void;
  /** Results as they come. */
  onResults?(results: readonly TestResult[]): void;
}

/** Runs all tests, one after the other. What cannot be used of a test is a result that fails. */
export async function runTests(
  { tests, problems }: ReadTests,
  engine: Engine,
  io: Io,
  told: RunEvents = {},
): Promise<readonly TestResult[]> {
  const results = problems.map(problemResult);
  told.onResults?.(results);
  for (const tested of tests) {
    told.onTest?.(tested);
    const fresh = await runTest(tested, engine, io);
    told.onResults?.(fresh);
    results.push(...fresh);
  }
  return results;
}

async function runTest(tested: TestFile, engine: Engine, io: Io): Promise<readonly TestResult[]> {
  const { file, test, provenance } = tested;
  const { inputs, problems } = await gatherMesh(tested, io);
  const { mesh, problems: invalid } = offlineMesh(inputs, listensAt(test.spec.workloads ?? []), {
    testKeys: engine.testKeys,
    nowSeconds: Math.floor(Date.now() / 1000),
  });
  // Objects of a test must be valid: what is left out would not be tested.
  const wrong = [...problems, ...invalid.map((problem) => ({ ...problem, test: test.metadata.name }))];
  const asked: TestResult[] = [];
  let opened: OpenedTest;
  try {
    opened = await engine.open(mesh, tested, inputs);
  } catch (error) {
    const problem = {
      file,
      line: provenance.line,
      test: test.metadata.name,
      field: '',
      message: (error as Error).message,
    };
    return [...wrong.map(problemResult), problemResult(problem)];
  }
  for (const [i, request] of test.spec.requests.entries())
    asked.push({
      file,
      line: provenance.lineOf(`spec.requests[${i}]`),
      test: test.metadata.name,
      request: requestName(request),
      ...(await verdictOf(async () => judge(request, await opened.answer(request)))),
    });
  await opened.close();
  return [...wrong.map(problemResult), ...asked];
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
