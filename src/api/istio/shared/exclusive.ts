import type { Report } from '../../report.ts';

/** The fields among `names` that are set. An empty list counts as not set, as in protobuf. */
export function setFields(value: object, names: readonly string[]): string[] {
  return names.filter((name) => {
    const field = (value as Record<string, unknown>)[name];
    return field !== undefined && !(Array.isArray(field) && field.length === 0);
  });
}

/** Reports the second and later fields of a group of which at most one may be set. */
export function checkAtMostOne(value: object | undefined, names: readonly string[], report: Report): void {
  if (value === undefined) return;
  const [first, ...others] = setFields(value, names);
  for (const other of others)
    report.error(other, `${other} cannot be combined with ${first}; keep one of the two`);
}
