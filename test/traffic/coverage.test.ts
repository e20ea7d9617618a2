import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { authorizationCases } from './coverage/authorization-cases.ts';
import { fieldsOf } from './coverage/fields.ts';
import { type CoveredKind, coveredKinds } from './coverage/kinds.ts';
import { type UsedObject, usedObjects } from './coverage/used-objects.ts';

// Every field of a kind is shown by some TrafficTest, or there is a reason why not. Only reads: the schemas of src/api
// and the files of this folder. A kind is added in coverage/kinds.ts; reasons lie in coverage/exempt.

let objects: readonly UsedObject[] = [];

beforeAll(async () => {
  objects = await usedObjects(dirname(fileURLToPath(import.meta.url)));
});

describe.each(coveredKinds)('$name', (kind) => {
  it('has every field in some traffic test, or a reason why not', () => {
    const shown = shownBy(kind);
    const missing = fieldsOf(kind.schema).names.filter((name) => !shown.has(name) && !isExempt(name, kind));
    expect(missing).toEqual([]);
  });

  it('has reasons only for fields that exist and that no test shows', () => {
    const shown = shownBy(kind);
    const names = new Set(fieldsOf(kind.schema).names);
    const needless = Object.keys(kind.exempt).filter((name) => !names.has(name) || shown.has(name));
    expect(needless).toEqual([]);
  });
});

it('has many more than a hundred cases of authorization', async () => {
  const cases = await authorizationCases(join(dirname(fileURLToPath(import.meta.url)), 'security'));
  console.log(`authorization: ${cases.requests} requests of ${cases.tests} tests`);
  expect(cases.requests).toBeGreaterThan(100);
});

function shownBy(kind: CoveredKind): ReadonlySet<string> {
  const { mark } = fieldsOf(kind.schema);
  const shown = new Set<string>();
  for (const value of objects.flatMap(kind.valuesOf)) mark(value, shown);
  return shown;
}

function isExempt(name: string, { exempt }: CoveredKind): boolean {
  return Object.keys(exempt).some(
    (field) => name === field || name.startsWith(`${field}.`) || name.startsWith(`${field}: `),
  );
}
