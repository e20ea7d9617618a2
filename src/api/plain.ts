import type { z } from 'zod';
import { partsOf } from './schema-shape.ts';

// What YAML and JSON give: objects, lists, texts, numbers, booleans, null.

/** True for an object that is no list. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Names = Readonly<Record<string, string>>;

/**
 * The value as its schema expects it: fields that are null are left out, which is what Kubernetes takes them for, and
 * aliases of fields are renamed. Nulls in lists and maps stay, to be reported. What did not change is not copied.
 */
export function withoutNulls(value: unknown, schema: z.ZodType | undefined, aliases: Names = {}): unknown {
  const { shape, element, valueType } = partsOf(schema);
  if (Array.isArray(value)) {
    const items = element === undefined ? value : value.map((item) => withoutNulls(item, element, aliases));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if (!isPlainObject(value) || (shape === undefined && valueType === undefined)) return value;
  let changed = false;
  const entries: [string, unknown][] = [];
  for (const [key, field] of Object.entries(value)) {
    const name = shape === undefined ? key : fieldName(key, shape, value, aliases);
    const left = withoutNulls(field, shape === undefined ? valueType : shape[name], aliases);
    const drop = field === null && shape !== undefined;
    changed ||= drop || left !== field || name !== key;
    if (!drop) entries.push([name, left]);
  }
  return changed ? Object.fromEntries(entries) : value;
}

/** Where both spellings are written, the alias stays and is reported as unknown. */
function fieldName(key: string, shape: object, siblings: object, aliases: Names): string {
  const name = Object.hasOwn(aliases, key) ? (aliases[key] ?? key) : key;
  const known = Object.hasOwn(shape, name) && !Object.hasOwn(shape, key);
  return known && !Object.hasOwn(siblings, name) ? name : key;
}
