import { ipRangeProblem } from '../../check/address.ts';
import { portTextProblem } from '../../check/port.ts';
import { serviceAccountsProblem, wildcardTextProblem } from './values.ts';

/** What is wrong with a condition, and whether with its key or its values. */
export interface ConditionProblem {
  readonly of: 'key' | 'values';
  readonly message: string;
}

const anyText = (): undefined => undefined;

/** Attributes by name, with the check of one value. */
const ATTRIBUTES: Readonly<Record<string, (value: string) => string | undefined>> = {
  'source.ip': ipRangeProblem,
  'remote.ip': ipRangeProblem,
  'source.namespace': anyText,
  'source.serviceAccount': anyText,
  'source.principal': anyText,
  'source.trustDomain': wildcardTextProblem,
  'request.auth.principal': anyText,
  'request.auth.audiences': anyText,
  'request.auth.presenter': anyText,
  'destination.ip': ipRangeProblem,
  'destination.port': portTextProblem,
  'connection.sni': anyText,
};

/** Attributes with a name in brackets: `request.headers[x-y]`. */
const WITH_NAME = ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.'];

const REPLACED: Readonly<Record<string, string>> = {
  'destination.namespace': 'a policy holds in its own namespace already',
  'destination.name': 'use the selector',
  'destination.user': 'use the selector',
};

/** Judges the attribute and the values it is compared with. */
export function conditionProblem(key: string, values: readonly string[]): ConditionProblem | undefined {
  if (values.includes('')) return { of: 'values', message: 'an entry is empty; fill it in or leave it out' };
  const named = keyProblem(key);
  if (named !== undefined) return { of: 'key', message: named };
  const message =
    key === 'source.serviceAccount'
      ? serviceAccountsProblem(values)
      : values.map((value) => ATTRIBUTES[key]?.(value)).find((problem) => problem !== undefined);
  return message === undefined ? undefined : { of: 'values', message };
}

function keyProblem(key: string): string | undefined {
  if (WITH_NAME.some((prefix) => key.startsWith(prefix)))
    return /^[^[]+\[.+\]$/s.test(key)
      ? undefined
      : `"${key}" needs a name in brackets, such as request.headers[x-token]`;
  if (Object.hasOwn(ATTRIBUTES, key)) return undefined;
  const replaced = key.startsWith('destination.labels') ? 'use the selector' : REPLACED[key];
  if (replaced !== undefined) return `"${key}" is not possible any more; ${replaced}`;
  return `"${key}" is not a known attribute; use ${[...Object.keys(ATTRIBUTES), 'request.headers[NAME]', 'request.auth.claims[NAME]'].join(', ')}`;
}
