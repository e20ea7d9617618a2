import type { AttributeTest, AttributeTests, AuthorizationRule } from '../../mesh/authorization.ts';
import type { MeshSettings } from '../../mesh/settings.ts';
import type { DeniedValue } from '../../server/contract.ts';
import { permissionTest } from '../../xds/match/rbac-permission.ts';
import { principalTest } from '../../xds/match/rbac-principal.ts';
import type { Json } from '../../xds/resources.ts';
import { isOfConnections as ofOperation, permissionOf } from '../emit/security/permissions.ts';
import { isSourceAttribute, isOfConnections as ofSource, principalOf } from '../emit/security/principals.ts';
import { isSecretHeader } from '../emit/security/secret-headers.ts';
import { cut, type LoggedCall } from './entry.ts';

// One rule against one call, test by test, with the matchers that proxies run: what was wanted, and what there was.

/** What a rule makes of a call. Lists in the order in which the rule says it. */
export interface RuleVerdict {
  readonly values: readonly DeniedValue[];
  readonly failed: number;
}

/** The rule's alternatives that come closest. Of a connection `asked` leaves out what only requests have. */
export function judgeRule(
  { sources, operations, conditions }: AuthorizationRule,
  call: LoggedCall,
  settings: MeshSettings,
  asked: (test: AttributeTest) => boolean = () => true,
): RuleVerdict {
  const judge = (tests: AttributeTests): RuleVerdict => {
    const values = tests.filter(asked).map((test) => judgeTest(test, call, settings));
    return { values, failed: values.filter(({ failed }) => failed).length };
  };
  const parts = [closest(sources.map(judge)), closest(operations.map(judge)), judge(conditions)];
  return {
    values: parts.flatMap(({ values }) => values),
    failed: parts.reduce((sum, { failed }) => sum + failed, 0),
  };
}

function closest(verdicts: readonly RuleVerdict[]): RuleVerdict {
  const [first = { values: [], failed: 0 }, ...others] = verdicts;
  return others.reduce((best, one) => (one.failed < best.failed ? one : best), first);
}

/** Whether a mere connection has the attribute too. */
export function isOfConnections({ attribute }: AttributeTest): boolean {
  return isSourceAttribute(attribute) ? ofSource(attribute) : ofOperation(attribute);
}

function judgeTest(test: AttributeTest, call: LoggedCall, settings: MeshSettings): DeniedValue {
  const is = (value: string): boolean => holds(test, value, call, settings);
  const { values, notValues } = test;
  const failed = (values.length > 0 && !values.some(is)) || notValues.some(is);
  return {
    attribute: nameOf(test),
    wanted: values,
    unwanted: notValues,
    was: call.request === undefined && !isOfConnections(test) ? NO_REQUEST : cut(actual(test, call)),
    failed,
  };
}

const NO_REQUEST = '(a connection of bytes: there is no request)';

const ignore = (): void => {};

function holds(test: AttributeTest, value: string, { request, peer }: LoggedCall, settings: MeshSettings) {
  if (isSourceAttribute(test.attribute))
    return principalOf(test, value, settings).some((one) => principalTest(one, ignore, '')(request, peer));
  return permissionTest(permissionOf(test, value), ignore, '')(request, peer);
}

/** `request.headers[x-a]`, as conditions write it. */
function nameOf({ attribute, path }: AttributeTest): string {
  return `${attribute}${path.map((part) => `[${part}]`).join('')}`;
}

const NO_CERTIFICATE = '(no certificate)';
const NO_TOKEN = '(no token)';
const NONE = '(none)';
const SECRET = '(not shown: it may be a secret)';

/** What the call has, as a policy would write it. */
function actual({ attribute, path }: AttributeTest, { request, peer }: LoggedCall): string {
  const id = peer.principals[0]?.replace('spiffe://', '');
  const [, domain, namespace, account] =
    /^([^/]+)\/ns\/([^/]+)\/sa\/(.+)$/.exec(id ?? '') ?? ([] as (string | undefined)[]);
  switch (attribute) {
    case 'source.principal':
      return id ?? NO_CERTIFICATE;
    case 'source.namespace':
      return namespace ?? id ?? NO_CERTIFICATE;
    case 'source.serviceAccount':
      return namespace === undefined ? (id ?? NO_CERTIFICATE) : `${namespace}/${account}`;
    case 'source.trustDomain':
      return domain ?? id ?? NO_CERTIFICATE;
    case 'source.ip':
      return peer.directRemoteAddress;
    case 'remote.ip':
      return peer.remoteAddress;
    case 'request.auth.principal':
      return claims(peer) === undefined ? NO_TOKEN : `${claim(peer, ['iss'])}/${claim(peer, ['sub'])}`;
    case 'request.auth.audiences':
      return claim(peer, ['aud']);
    case 'request.auth.presenter':
      return claim(peer, ['azp']);
    case 'request.auth.claims':
      return claim(peer, path);
    case 'request.headers':
      return isSecretHeader(path[0]?.toLowerCase() ?? '')
        ? SECRET
        : (request?.header(path[0]?.toLowerCase() ?? '') ?? NONE);
    case 'request.host':
      return request?.authority ?? NONE;
    case 'request.method':
      return request?.method ?? NONE;
    case 'request.path':
      return request?.path ?? NONE;
    case 'destination.ip':
      return peer.destinationAddress;
    case 'destination.port':
      return String(peer.destinationPort);
    case 'connection.sni':
      return peer.requestedServerName || NONE;
    case 'metadata':
      return SECRET;
  }
}

function claims(peer: LoggedCall['peer']): Json | undefined {
  return peer.metadata('envoy.filters.http.jwt_authn')?.['payload'];
}

function claim(peer: LoggedCall['peer'], path: readonly string[]): string {
  let value = claims(peer);
  if (value === undefined) return NO_TOKEN;
  for (const key of path)
    value =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as { readonly [key: string]: Json })[key]
        : undefined;
  return value === undefined ? NONE : typeof value === 'string' ? value : JSON.stringify(value);
}
