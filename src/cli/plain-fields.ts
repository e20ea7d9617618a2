import { isPlainObject } from '../api/plain.ts';

// Reading of objects as they were written, before anything is known of their kind.

/** Fields of an object by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value where it is an object; no fields where it is anything else. */
export function fieldsOf(value: unknown): Fields {
  return isPlainObject(value) ? value : {};
}

/** Those of its fields that are texts. */
export function textsOf(value: unknown): Record<string, string> {
  const entries = Object.entries(fieldsOf(value));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
