import type { JwtRule } from '../../mesh/authentication.ts';
import type { Authorization, AuthorizationPolicy } from '../../mesh/authorization.ts';
import type { Origin } from '../../mesh/origin.ts';
import type { MeshSettings } from '../../mesh/settings.ts';
import type { DenialReport, DenyingPolicy } from '../../server/contract.ts';
import { TRIAL } from '../emit/security/http-security.ts';
import { cut, type LoggedCall } from './entry.ts';
import { isOfConnections, judgeRule, type RuleVerdict } from './tests.ts';

/** The policies of the workload that a proxy serves, as they are now. */
export interface PoliciesThere {
  readonly authorization: Authorization;
  readonly tokens: readonly JwtRule[];
  readonly settings: MeshSettings;
  locate(origin: Origin): { readonly file: string; readonly line: number } | undefined;
}

/** What was denied and why, without where it happened. */
export type Reasons = Pick<
  DenialReport,
  'verdict' | 'check' | 'why' | 'policy' | 'nearest' | 'values' | 'policies' | 'rules'
>;

const HTTP_RBAC = 'envoy.filters.http.rbac';
const NETWORK_RBAC = 'envoy.filters.network.rbac';

/** Why a call was denied, and why it would have been by policies on trial. Empty: no policy had anything against it. */
export function judge(call: LoggedCall, there: PoliciesThere): readonly Reasons[] {
  const enforced = enforcedReasons(call, there);
  return [...(enforced === undefined ? [] : [enforced]), ...trialReasons(call, there)];
}

function enforcedReasons(call: LoggedCall, there: PoliciesThere): Reasons | undefined {
  const [, policy] = /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(call.details) ?? [];
  if (policy !== undefined) return byRules(call, there, 'denied', policy === 'none' ? '' : policy);
  const [, token] = /^jwt_authn_access_denied\{(.*)\}$/.exec(call.details) ?? [];
  if (token !== undefined) return byToken(token.replaceAll('_', ' '), there);
  return call.details.startsWith('ext_authz') ? byAuthorizer(call, there) : undefined;
}

function trialReasons(call: LoggedCall, there: PoliciesThere): readonly Reasons[] {
  const told = call.peer.metadata(call.request === undefined ? NETWORK_RBAC : HTTP_RBAC) ?? {};
  return [TRIAL.deny, TRIAL.allow].flatMap((prefix) => {
    if (told[`${prefix}shadow_engine_result`] !== 'denied') return [];
    return [byRules(call, there, 'would-deny', String(told[`${prefix}shadow_effective_policy_id`] ?? ''))];
  });
}

/** `policy` is what Envoy calls the rule that denies; '' where none of those matched that allow. */
function byRules(
  call: LoggedCall,
  there: PoliciesThere,
  verdict: DenialReport['verdict'],
  policy: string,
): Reasons {
  const observe = verdict === 'would-deny';
  if (policy === '') return byNobody(call, there, verdict);
  const named = ruleOf(policy);
  const lists = [...there.authorization.deny, ...there.authorization.custom];
  const found = lists.find(
    ({ origin, observe: trial }) =>
      trial === observe && origin.namespace === named?.namespace && origin.name === named.name,
  );
  const rule = named === undefined ? undefined : found?.rules[named.rule];
  const asked = call.request === undefined ? isOfConnections : undefined;
  const values = rule === undefined ? [] : judgeRule(rule, call, there.settings, asked).values;
  const text = named === undefined ? policy : `AuthorizationPolicy ${named.namespace}/${named.name}`;
  const gone = found === undefined ? ' (the policy has been changed or taken away since)' : '';
  const does = observe ? 'would deny it' : 'denies it';
  return {
    verdict,
    check: 'authorization',
    why: cut(`${text} ${does} by its rule ${named?.rule ?? ''}${gone}`),
    ...(named === undefined
      ? {}
      : { policy: placed(there, { ...POLICY, namespace: named.namespace, name: named.name }, named.rule) }),
    nearest: false,
    values,
    policies: 1,
    rules: 1,
  };
}

const POLICY = { group: 'security.istio.io', kind: 'AuthorizationPolicy' } as const;

/** No rule of those that allow took it: the one that came nearest says what is missing. */
function byNobody(call: LoggedCall, there: PoliciesThere, verdict: DenialReport['verdict']): Reasons {
  const allowing = there.authorization.allow.filter(({ observe }) => observe === (verdict === 'would-deny'));
  const all = allowing.flatMap((policy) =>
    policy.rules.map((rule, i) => ({ policy, i, judged: judgeRule(rule, call, there.settings) })),
  );
  const [first, ...others] = all;
  const best = first && others.reduce((near, one) => (isNearer(one.judged, near.judged) ? one : near), first);
  const would = verdict === 'would-deny' ? 'would take' : 'takes';
  const of = `${count(all.length, 'rule')} of ${count(allowing.length, 'policy', 'policies')}`;
  const origin = best?.policy.origin ?? allowing[0]?.origin;
  return {
    verdict,
    check: 'authorization',
    why: `none of the ${of} that allow ${would} it`,
    ...(origin && { policy: placed(there, origin, best?.i ?? -1) }),
    nearest: best !== undefined,
    values: best?.judged.values ?? [],
    policies: allowing.length,
    rules: all.length,
  };
}

function isNearer(one: RuleVerdict, other: RuleVerdict): boolean {
  if (one.failed !== other.failed) return one.failed < other.failed;
  return one.values.length > other.values.length;
}

function byToken(failure: string, there: PoliciesThere): Reasons {
  const [rule] = there.tokens;
  const issuers = [...new Set(there.tokens.map(({ issuer }) => issuer))].filter((issuer) => issuer !== '');
  return {
    verdict: 'denied',
    check: 'token',
    why: cut(`the token is refused: ${failure}`),
    ...(rule && { policy: placed(there, rule.origin, -1) }),
    nearest: false,
    values:
      failure === 'Jwt issuer is not configured'
        ? [{ attribute: 'issuer', wanted: issuers, unwanted: [], was: '(another)', failed: true }]
        : [],
    policies: new Set(there.tokens.map(({ origin }) => `${origin.namespace}/${origin.name}`)).size,
    rules: there.tokens.length,
  };
}

function byAuthorizer(call: LoggedCall, there: PoliciesThere): Reasons {
  const told = call.peer.metadata(call.request === undefined ? NETWORK_RBAC : HTTP_RBAC) ?? {};
  const asked = there.authorization.custom.find(({ provider }) =>
    Object.hasOwn(told, `istio_ext_authz_${provider}_shadow_effective_policy_id`),
  );
  const named = asked && ruleOf(String(told[`istio_ext_authz_${asked.provider}_shadow_effective_policy_id`]));
  const rule = ruleWithin(asked, named);
  const says = call.details.startsWith('ext_authz_error') ? 'could not be asked' : 'said no';
  return {
    verdict: 'denied',
    check: 'authorizer',
    why: cut(`the authorizer ${asked?.provider ?? ''} ${says}`.replaceAll('  ', ' ')),
    ...(asked && named && { policy: placed(there, asked.origin, named.rule) }),
    nearest: false,
    values: rule === undefined ? [] : judgeRule(rule, call, there.settings).values,
    policies: 1,
    rules: 1,
  };
}

function ruleWithin(policy: AuthorizationPolicy | undefined, named: NamedRule | undefined) {
  return named === undefined ? undefined : policy?.rules[named.rule];
}

interface NamedRule {
  readonly namespace: string;
  readonly name: string;
  readonly rule: number;
}

/** `ns[default]-policy[deny-x]-rule[0]`, as Istio names policies; with the authorizer before it where one is asked. */
function ruleOf(text: string): NamedRule | undefined {
  const [, namespace, name, rule] = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(text) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name, rule: Number(rule) };
}

function placed(there: PoliciesThere, origin: Origin, rule: number): DenyingPolicy {
  const { kind, namespace, name } = origin;
  const at = there.locate(rule < 0 ? origin : { ...origin, field: `spec.rules[${rule}]` });
  return { kind, namespace, name, rule, file: at?.file ?? '', line: at?.line ?? 0 };
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
