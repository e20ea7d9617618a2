import { durationMs } from '../../api/check/duration.ts';
import { TEST_JWKS } from '../../api/check/jwks.ts';
import type {
  RequestAuthentication,
  JwtRule as WrittenRule,
} from '../../api/istio/request-authentication.ts';
import type { Resource } from '../../api/resources.ts';
import { type JwtRule, NO_KEYS } from '../../mesh/authentication.ts';
import type { Finding, Resolved } from './finding.ts';
import { holdingAt, labelKeysOf, subjectOf } from './policy-attachment.ts';
import {
  keySetFact,
  listOf,
  objectKey,
  objectOf,
  originOf,
  partsOf,
  type Read,
  settingsFact,
  step,
} from './world.ts';

const KIND = 'security.istio.io/RequestAuthentication';

/** Time for fetching a key set unless the rule says. */
const FETCH_TIMEOUT_MS = 5000;

/** The rules of one RequestAuthentication, by namespace and name. */
export const requestAuthentication = step(
  'request authentication',
  (read, key): Resolved<readonly JwtRule[]> => {
    const [namespace = '', name = ''] = partsOf(key);
    const resource = objectOf(read, KIND, namespace, name);
    if (resource === undefined) return { value: undefined, findings: [] };
    const { testKeys = NO_KEYS } = read.fact(settingsFact, '');
    const rules = resource.object.spec.jwtRules ?? [];
    const value = rules.map((rule, i) => jwtRule(resource, rule, i, testKeys));
    return { value, findings: value.flatMap((rule) => keyTrouble(read, rule)) };
  },
);

/** What is the matter with keys that are fetched. */
function keyTrouble(read: Read, { origin, keys, keysUri }: JwtRule): readonly Finding[] {
  const problem = keys === '' && keysUri !== '' ? (read.fact(keySetFact, keysUri)?.problem ?? '') : '';
  if (problem === '') return [];
  const field = `${origin.field}.jwksUri`;
  const { field: _rule, ...object } = origin;
  return [{ origin: object, field, message: `the keys: ${problem}` }];
}

function jwtRule(
  resource: Resource<RequestAuthentication>,
  rule: WrittenRule,
  index: number,
  testKeys: string,
): JwtRule {
  return {
    origin: originOf(resource, `spec.jwtRules[${index}]`),
    issuer: rule.issuer ?? '',
    audiences: rule.audiences ?? [],
    keys: rule.jwks === TEST_JWKS ? testKeys : (rule.jwks ?? ''),
    keysUri: rule.jwksUri ?? '',
    fetchTimeoutMs: rule.timeout === undefined ? FETCH_TIMEOUT_MS : durationMs(rule.timeout),
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = '' }) => ({ name, prefix })),
    fromParams: rule.fromParams ?? [],
    fromCookies: rule.fromCookies ?? [],
    forward: rule.forwardOriginalToken === true,
    payloadHeader: rule.outputPayloadToHeader ?? '',
    claimHeaders: rule.outputClaimToHeaders ?? [],
    spaceDelimitedClaims: rule.spaceDelimitedClaims ?? [],
  };
}

/** All rules that hold at a workload, by the key of `subjectKey`: the root namespace's, then its own, the oldest first. */
export const jwtRules = step('jwt rules', (read, key): readonly JwtRule[] => {
  const all = listOf(read, KIND);
  if (all.length === 0) return [];
  return holdingAt(read, all, subjectOf(key)).flatMap(
    (resource) => read.of(requestAuthentication, objectKey(resource)).value ?? [],
  );
});

/** Labels by which these policies tell proxies apart. */
export const labelKeysOfAuthentication = step(
  'label keys of request authentications',
  (read): readonly string[] => [
    ...new Set(listOf(read, KIND).flatMap((resource) => labelKeysOf(read, resource))),
  ],
);
