import type { Report } from '../report.ts';

const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const PREFIX = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/;
const MAX_NAME_LENGTH = 63;
const MAX_PREFIX_LENGTH = 253;

/** What is wrong with the key of a label (`app`, `app.kubernetes.io/name`), or undefined. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const prefixFits = prefix === undefined || (prefix.length <= MAX_PREFIX_LENGTH && PREFIX.test(prefix));
  if (prefixFits && name.length <= MAX_NAME_LENGTH && NAME.test(name)) return undefined;
  return `"${key}" is not the key of a label; use at most 63 letters, digits, "-", "_" and ".", after an optional "dns.name/"`;
}

/** What is wrong with the value of a label, or undefined. It may be empty. Lengths are judged where labels are put on objects. */
export function labelValueProblem(value: string): string | undefined {
  if (value === '' || NAME.test(value)) return undefined;
  return `"${value}" is not the value of a label; use letters, digits, "-", "_" and ".", a letter or digit first and last`;
}

/** Every key and value of a set of labels. */
export function checkLabels(
  labels: Readonly<Record<string, string>> | undefined,
  report: Report,
  field: string,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const problem = labelKeyProblem(key) ?? labelValueProblem(value);
    if (problem !== undefined) report.error([field, key], problem);
  }
}
