import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { isPlainObject } from './plain.ts';
import type { Report } from './report.ts';
import { fieldNames, schemaAt } from './schema-shape.ts';

/**
 * Puts a value through a schema. Reports what does not fit, in sentences; returns the typed value, also where the
 * only fault are unknown fields, so that the other checks can go on. Sentences repeat what stands there, but for `secret`
 * objects: they are printed, logged and shown by the status page.
 */
export function checkAgainst<S extends z.ZodType>(
  schema: S,
  value: unknown,
  report: Report,
  secret = false,
): z.infer<S> | undefined {
  const result = schema.safeParse(value, { jitless: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) reportIssue(issue, schema, value, report, secret);
  return result.error.issues.every((issue) => issue.code === 'unrecognized_keys')
    ? schema.safeParse(withoutKeys(value, result.error.issues), { jitless: true }).data
    : undefined;
}

function withoutKeys(value: unknown, issues: readonly Issue[]): unknown {
  const copy = structuredClone(value);
  for (const issue of issues) {
    const holder = innerValue(copy, issue.path);
    if (issue.code === 'unrecognized_keys' && isPlainObject(holder))
      for (const key of issue.keys) Reflect.deleteProperty(holder, key);
  }
  return copy;
}

function innerValue(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (inner as Record<PropertyKey, unknown> | undefined)?.[step],
    value,
  );
}

type Issue = z.core.$ZodIssue;

function reportIssue(issue: Issue, schema: z.ZodType, value: unknown, report: Report, secret: boolean): void {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code !== 'unrecognized_keys') {
    const found = innerValue(value, issue.path);
    report.error(path, secret ? secretText(issue, found) : issueText(issue, found));
    return;
  }
  const known = fieldNames(path.reduce<z.ZodType | undefined>(schemaAt, schema));
  for (const key of issue.keys) report.error([...path, key], unknownFieldText(key, known));
}

function issueText(issue: Issue, found: unknown): string {
  if (found === undefined) return 'this field is required';
  switch (issue.code) {
    case 'invalid_type':
      return typeText(issue.expected, found);
    case 'invalid_value':
      return `${JSON.stringify(found)} is not possible here; use ${listText(issue.values.map(String))}`;
    case 'invalid_union':
      return `${describe(found)} is not possible here; write a number or a text`;
    case 'too_big':
      return `${JSON.stringify(found)} is too large; at most ${issue.maximum}`;
    case 'too_small':
      return `${JSON.stringify(found)} is too small; at least ${issue.minimum}`;
    default:
      return issue.message;
  }
}

/** The same without a word of what stands there. */
function secretText(issue: Issue, found: unknown): string {
  if (found === undefined) return 'this field is required';
  if (issue.code !== 'invalid_type') return 'this value is not possible here';
  const wanted = TYPE_NAMES[issue.expected] ?? issue.expected;
  return `${kindOf(found)} stands where ${wanted} is needed`;
}

function kindOf(value: unknown): string {
  if (typeof value === 'object') return describe(value);
  return TYPE_NAMES[typeof value] ?? 'something else';
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object (fields, one per line)',
  record: 'an object (fields, one per line)',
  array: 'a list (entries that begin with "-")',
};

function typeText(expected: string, found: unknown): string {
  const wanted = TYPE_NAMES[expected] ?? expected;
  const primitive = typeof found === 'number' || typeof found === 'boolean';
  const hint = expected === 'string' && primitive ? `; put it in quotes: "${String(found)}"` : '';
  const unquote =
    typeof found === 'string' && ['number', 'int', 'boolean'].includes(expected)
      ? '; write it without quotes'
      : '';
  return `${describe(found)} stands where ${wanted} is needed${hint}${unquote}`;
}

function describe(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

function unknownFieldText(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  if (nearest !== undefined) return `there is no field "${key}" here; did you mean ${nearest}?`;
  return known.length === 0
    ? `there is no field "${key}" here`
    : `there is no field "${key}" here; there are ${listText(known)}`;
}

const MAX_LISTED = 16;

function listText(words: readonly string[]): string {
  const shown = words.length > MAX_LISTED ? [...words.slice(0, MAX_LISTED), '...'] : words;
  return shown.join(', ');
}
