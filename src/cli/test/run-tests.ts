import type { TestCase } from '../../api/weft/traffic-test.ts';
import type { Io } from '../io.ts';
import { offlineMesh } from '../offline-mesh.ts';
import { listensAt } from './declared-workloads.ts';
import { gatherMesh } from './gather-mesh.ts';
import { judge, untestable, type Verdict } from './judge.ts';
import { Untestable } from './observation.ts';
import type { ReadTests, TestFile, TestProblem } from './read-tests.ts';
import { simulate } from './simulate.ts';

/** What became of one request, or of something that kept tests from being run. */
export interface TestResult extends Verdict {
  readonly file: string;
  /** Of the request. */
  readonly line: number;
  readonly test: string;
  /** '' where it is about the test as a whole. */
  readonly request: string;
}

/** Runs all tests in simulation, one after the other. What cannot be used of a test is a result that fails. */
export async function runTests({ tests, problems }: ReadTests, io: Io): Promise<readonly TestResult[]> {
  const results = problems.map(problemResult);
  for (const tested of tests) results.push(...(await runTest(tested, io)));
  return results;
}

/** Stands for the keys of the run: nothing is signed in simulation. */
const TEST_KEYS = '{"keys":[{"kty":"EC","kid":"weft-test"}]}';

async function runTest(tested: TestFile, io: Io): Promise<readonly TestResult[]> {
  const { file, test, provenance } = tested;
  const { inputs, problems } = await gatherMesh(tested, io);
  const { mesh, problems: invalid } = offlineMesh(inputs, listensAt(test.spec.workloads ?? []), {
    testKeys: TEST_KEYS,
    nowSeconds: Math.floor(Date.now() / 1000),
  });
  // Objects of a test must be valid: what is left out would not be tested.
  const wrong = [...problems, ...invalid.map((problem) => ({ ...problem, test: test.metadata.name }))];
  const asked = test.spec.requests.map(
    (request, i): TestResult => ({
      file,
      line: provenance.lineOf(`spec.requests[${i}]`),
      test: test.metadata.name,
      request: requestName(request),
      ...verdictOf(() => judge(request, simulate(mesh, request))),
    }),
  );
  return [...wrong.map(problemResult), ...asked];
}

function verdictOf(run: () => Verdict): Verdict {
  try {
    return run();
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
