import { dirname, join } from 'node:path';
import { isPlainObject } from '../../../src/api/plain.ts';
import { validateObject } from '../../../src/api/validate.ts';
import { readInputs } from '../../../src/control/watch/files/read-inputs.ts';

/** An object that some TrafficTest is about, valid and with its fields under their names of today. */
export interface UsedObject {
  /** `group/kind`. */
  readonly kindId: string;
  readonly object: unknown;
}

/** What the TrafficTests below a folder have inline or among their resources, each file read once. */
export async function usedObjects(folder: string): Promise<readonly UsedObject[]> {
  const sources = { cwd: folder, stdin: () => Promise.resolve('') };
  const values: unknown[] = [];
  const resources = new Set<string>();
  for (const { file, documents } of await readInputs([folder], sources))
    for (const { value } of documents) {
      if (!isPlainObject(value) || value['kind'] !== 'TrafficTest') continue;
      const spec = isPlainObject(value['spec']) ? value['spec'] : {};
      values.push(...listOf(spec['objects']));
      for (const path of listOf(spec['resources'])) resources.add(join(dirname(file), String(path)));
    }
  for (const { documents } of await readInputs([...resources], sources))
    values.push(...documents.map(({ value }) => value));
  return values.flatMap((value) => {
    const { key, object } = validateObject(value);
    return key === undefined || object === undefined ? [] : [{ kindId: `${key.group}/${key.kind}`, object }];
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
