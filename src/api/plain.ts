// What YAML and JSON give: objects, lists, texts, numbers, booleans, null.

/** True for an object that is no list. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value without keys whose value is null, which Kubernetes takes as not written, and with aliases of keys renamed.
 * Nothing is touched below keys in `opaque`. Nulls in lists stay, to be reported. What did not change is not copied.
 */
export function withoutNulls(
  value: unknown,
  aliases: Readonly<Record<string, string>> = {},
  opaque: readonly string[] = [],
): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutNulls(item, aliases, opaque));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if (!isPlainObject(value)) return value;
  let changed = false;
  const entries: [string, unknown][] = [];
  for (const [key, field] of Object.entries(value)) {
    const name = Object.hasOwn(aliases, key) ? renamed(key, value, aliases) : key;
    const cleaned = opaque.includes(key) ? field : withoutNulls(field, aliases, opaque);
    changed ||= field === null || cleaned !== field || name !== key;
    if (field !== null) entries.push([name, cleaned]);
  }
  return changed ? Object.fromEntries(entries) : value;
}

/** Where both spellings are written, the alias stays and is reported as unknown. */
function renamed(key: string, siblings: object, aliases: Readonly<Record<string, string>>): string {
  const name = aliases[key] ?? key;
  return Object.hasOwn(siblings, name) ? key : name;
}
