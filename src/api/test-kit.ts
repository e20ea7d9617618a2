import type { KindId } from './kinds.ts';
import { kindOf } from './kinds.ts';
import { validateObject } from './validate.ts';

// For the tests of the kinds: what is found in a spec, in short.

/** Fields with errors in an object of this kind and spec, in order, each once; within the spec without `spec.`. */
export function errorFields(id: KindId, spec: unknown, metadata: object = {}): string[] {
  return fieldsOf(judge(id, spec, metadata).errors);
}

/** Fields with warnings. */
export function warningFields(id: KindId, spec: unknown, metadata: object = {}): string[] {
  return fieldsOf(judge(id, spec, metadata).warnings);
}

/** The messages of all errors as one text. */
export function errorText(id: KindId, spec: unknown): string {
  return judge(id, spec, {})
    .errors.map(({ message }) => message)
    .join('\n');
}

function judge(id: KindId, spec: unknown, metadata: object) {
  const { group, kind, versions } = kindOf(id);
  const apiVersion = group === '' ? versions[0] : `${group}/${versions[0]}`;
  return validateObject({ apiVersion, kind, metadata: { name: 'x', namespace: 'web', ...metadata }, spec });
}

function fieldsOf(findings: readonly { readonly field: string }[]): string[] {
  return [...new Set(findings.map(({ field }) => field.replace(/^spec\.?/, '')))];
}
