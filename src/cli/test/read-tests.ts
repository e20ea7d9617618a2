import type { Provenance } from '../../api/resources.ts';
import { validateObject } from '../../api/validate.ts';
import type { TrafficTest } from '../../api/weft/traffic-test.ts';
import type { InputFile } from '../../control/watch/files/read-inputs.ts';
import type { FileProblem } from '../offline-mesh.ts';

/** One TrafficTest of a file. */
export interface TestFile {
  readonly file: string;
  readonly test: TrafficTest;
  readonly provenance: Provenance;
}

/** Something in a file of tests that cannot be used. */
export interface TestProblem extends FileProblem {
  /** The test that it is about; '' where that is not known. */
  readonly test: string;
}

export interface ReadTests {
  readonly tests: readonly TestFile[];
  readonly problems: readonly TestProblem[];
}

/** The TrafficTests among documents; other objects in the same files are nobody's business here. */
export function readTests(inputs: readonly InputFile[]): ReadTests {
  const tests: TestFile[] = [];
  const problems: TestProblem[] = [];
  for (const { file, documents, problems: unread } of inputs) {
    for (const { line, message } of unread) problems.push({ file, line, test: '', field: '', message });
    for (const { value, provenance } of documents) {
      const { key, object, errors } = validateObject(value);
      if (kindOf(value) !== 'TrafficTest') continue;
      if (object !== undefined) tests.push({ file, test: object as TrafficTest, provenance });
      for (const { field, message } of errors)
        problems.push({ file, line: provenance.lineOf(field), test: key?.name ?? '', field, message });
    }
  }
  return { tests, problems };
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
}
