import type { config_rbac_v3_RBAC } from '../gen/types.ts';
import type { PeerFacts, RequestFacts } from './facts.ts';
import { permissionTest } from './rbac-permission.ts';
import { isOfConnection, isOfIdentity, principalTest } from './rbac-principal.ts';
import { allOf, anyOf, type RbacTest } from './rbac-sets.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';

/** What the rules say, and the policy that decided; '' where none did. */
export interface RbacVerdict {
  readonly allowed: boolean;
  readonly policy: string;
}

/** %RESPONSE_CODE_DETAILS% of a denial, or those of a connection's end, as Envoy writes them; '' where no policy matched. */
export function rbacDetails(policy: string): string {
  return `rbac_access_denied_matched_policy[${policy === '' ? 'none' : policy.replace(/\s/g, '_')}]`;
}

export interface CompiledRbac {
  readonly action: 'ALLOW' | 'DENY' | 'LOG';
  evaluate(request: RequestFacts | undefined, peer: PeerFacts): RbacVerdict;
}

/** config.rbac.v3.RBAC: policies in the order of their names; the first that matches decides. */
export function compileRbac(rules: config_rbac_v3_RBAC, refuse: Refuse, field: string): CompiledRbac {
  const { action = 'ALLOW', policies = {}, audit_logging_options, ...rest } = rules;
  refuseRest(refuse, field, rest);
  if (audit_logging_options?.logger_configs?.length)
    refuse(fieldIn(field, 'audit_logging_options'), 'is not supported by this proxy');
  const compiled = Object.keys(policies)
    .sort()
    .map((name) => compilePolicy(name, policies[name] ?? {}, refuse, fieldIn(field, `policies.${name}`)));
  const about = policiesByIdentity(compiled);
  return {
    action,
    evaluate(request, peer) {
      const policies = about(peer);
      let policy: string | undefined;
      for (let i = 0; i < policies.length && policy === undefined; i++)
        if (policies[i]?.test(request, peer)) policy = policies[i]?.name;
      const allowed = action === 'LOG' || (policy !== undefined) === (action === 'ALLOW');
      return { allowed, policy: policy ?? '' };
    },
  };
}

interface Policy {
  readonly name: string;
  /** Whether it is about this caller, where who it is tells; undefined: `test` says so too. */
  readonly who: RbacTest | undefined;
  readonly test: RbacTest;
}

/** Callers of whom it is remembered which policies are about them. */
const MAX_CALLERS = 1000;

/** Which of the policies can match a caller: of the few it is, their tests about requests are what is left. */
function policiesByIdentity(all: readonly Policy[]): (peer: PeerFacts) => readonly Policy[] {
  const known = new Map<string, readonly Policy[]>();
  const find = (peer: PeerFacts) => all.filter(({ who }) => who === undefined || who(undefined, peer));
  return (peer) => {
    const { principals } = peer;
    if (principals.length > 1) return find(peer);
    const caller = principals[0] ?? '';
    let policies = known.get(caller);
    if (policies === undefined) {
      if (known.size >= MAX_CALLERS) known.clear();
      policies = find(peer);
      known.set(caller, policies);
    }
    return policies;
  };
}

function compilePolicy(
  name: string,
  policy: NonNullable<config_rbac_v3_RBAC['policies']>[string],
  refuse: Refuse,
  field: string,
): Policy {
  const { permissions = [], principals = [], ...rest } = policy;
  refuseRest(refuse, field, rest);
  const may = permissions.map((one, i) => permissionTest(one, refuse, fieldIn(field, `permissions[${i}]`)));
  const who = principals.map((one, i) => principalTest(one, refuse, fieldIn(field, `principals[${i}]`)));
  if (principals.every(isOfIdentity)) return { name, who: anyOf(who), test: anyOf(may) };
  // What asks the connection alone costs least, and rules out most: it comes first.
  const both = principals.every(isOfConnection) ? [anyOf(who), anyOf(may)] : [anyOf(may), anyOf(who)];
  return { name, who: undefined, test: allOf(both) };
}
