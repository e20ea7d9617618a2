import type { z } from 'zod';
import { isPlainObject } from '../../../src/api/plain.ts';
import { partsOf } from '../../../src/api/schema-shape.ts';

// The fields that a schema has, and those that a value uses. A message that stands at several places of a schema (a
// trafficPolicy is one of the rule and one of each subset) counts as one: its fields go by the first place, and each
// place by the field that holds it.

/** One schema's part of the identity of a field: the message that has it. */
type Message = object;

/** Names of fields, `http.match.uri`, and words that fields may have, `trafficPolicy.tls.mode: SIMPLE`. */
export interface Fields {
  readonly names: readonly string[];
  /** Marks what a value uses. */
  mark(value: unknown, used: Set<string>): void;
}

/** All fields of a schema, lists and maps passed through. */
export function fieldsOf(root: z.ZodType): Fields {
  const places = new Map<Message, string>();
  const names: string[] = [];
  const queue: [schema: z.ZodType, path: string][] = [[root, '']];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [schema, path] = next;
    const parts = partsOf(schema);
    if (places.has(parts)) continue;
    places.set(parts, path);
    if (parts.element !== undefined) queue.push([parts.element, path]);
    if (parts.valueType !== undefined) queue.push([parts.valueType, path]);
    for (const word of wordsOf(parts)) names.push(`${path}: ${word}`);
    for (const [name, field] of Object.entries(parts.shape ?? {})) {
      const place = path === '' ? name : `${path}.${name}`;
      names.push(place);
      queue.push([field, place]);
    }
  }
  return { names, mark: (value, used) => mark(value, root, places, used) };
}

function mark(
  value: unknown,
  schema: z.ZodType,
  places: ReadonlyMap<Message, string>,
  used: Set<string>,
): void {
  const parts = partsOf(schema);
  const path = places.get(parts) ?? '';
  if (wordsOf(parts).length > 0) used.add(`${path}: ${value}`);
  if (Array.isArray(value)) {
    for (const item of value) if (parts.element !== undefined) mark(item, parts.element, places, used);
  } else if (isPlainObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      const inner = parts.shape?.[name];
      if (inner !== undefined) used.add(path === '' ? name : `${path}.${name}`);
      const next = inner ?? parts.valueType;
      if (next !== undefined) mark(field, next, places, used);
    }
  }
}

/** The words of a field that may have no others. */
function wordsOf(parts: object): readonly string[] {
  return 'options' in parts && Array.isArray(parts.options)
    ? parts.options.filter((word) => typeof word === 'string')
    : [];
}
