import { dirname, join } from 'node:path';
import { keyText } from '../../api/object.ts';
import { isPlainObject } from '../../api/plain.ts';
import type { Provenance } from '../../api/resources.ts';
import { validateObject } from '../../api/validate.ts';
import { type InputFile, InputNotFound, readInputs } from '../../control/watch/files/read-inputs.ts';
import type { SourceDocument } from '../../control/watch/source.ts';
import type { Io } from '../io.ts';
import { podOf } from './declared-workloads.ts';
import type { TestFile, TestProblem } from './read-tests.ts';
import { standIns } from './stand-ins.ts';

/** The objects that a test is about. */
export interface TestMesh {
  readonly inputs: readonly InputFile[];
  readonly problems: readonly TestProblem[];
}

/**
 * Objects inline, declared workloads, then the files of `resources` in their order. Of several for one object the first
 * in this order counts: so a test can put another version of something in front of a whole folder.
 */
export async function gatherMesh(tested: TestFile, io: Io): Promise<TestMesh> {
  const { file, test, provenance } = tested;
  const { objects = [], workloads = [], resources = [] } = test.spec;
  const own: SourceDocument[] = [
    ...objects.map((value, i) => inlineDocument(value, provenance, `spec.objects[${i}]`)),
    ...workloads.map((workload, i) => inlineDocument(podOf(workload), provenance, `spec.workloads[${i}]`)),
  ];
  const groups: InputFile[][] = [[{ file: `${file} ${test.metadata.name}`, documents: own, problems: [] }]];
  const problems: TestProblem[] = [];
  for (const [i, path] of resources.entries())
    try {
      groups.push(await readInputs([resourcePath(file, path)], io));
    } catch (error) {
      if (!(error instanceof InputNotFound)) throw error;
      const field = `spec.resources[${i}]`;
      problems.push({
        file,
        line: provenance.lineOf(field),
        test: test.metadata.name,
        field,
        message: error.message,
      });
    }
  const inputs = withoutLaterVersions(groups);
  const stand = standIns(inputs.flatMap(({ documents }) => documents.map(({ value }) => value)));
  const documents = stand.map((value) => inlineDocument(value, provenance, 'spec'));
  return {
    inputs:
      documents.length === 0
        ? inputs
        : [...inputs, { file: `${file} ${test.metadata.name} certificates`, documents, problems: [] }],
    problems,
  };
}

/** A path as a test writes it, from where the command runs. */
export function resourcePath(file: string, path: string): string {
  return path.startsWith('/') ? path : join(dirname(file), path);
}

/** A document that stands in a field of the test's own. */
function inlineDocument(value: unknown, { file, lineOf }: Provenance, field: string): SourceDocument {
  const place = {
    file,
    line: lineOf(field),
    lineOf: (inner: string) => lineOf(inner === '' ? field : `${field}.${inner}`),
  };
  return { value, provenance: place, text: `${field} ${JSON.stringify(value)}` };
}

/** Leaves out what an earlier group has; within a group a second version is a mistake that is told of later. */
function withoutLaterVersions(groups: readonly (readonly InputFile[])[]): readonly InputFile[] {
  const seen = new Set<string>();
  return groups.flatMap((group) => {
    const kept = group.map((input) => ({
      ...input,
      documents: input.documents.filter(({ value }) => !seen.has(keyOf(value))),
    }));
    for (const { documents } of kept) for (const { value } of documents) seen.add(keyOf(value));
    seen.delete('');
    return kept;
  });
}

function keyOf(value: unknown): string {
  if (!isPlainObject(value)) return '';
  const { key } = validateObject(value);
  return key === undefined ? '' : keyText(key);
}
