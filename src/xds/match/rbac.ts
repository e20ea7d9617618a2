import type { config_rbac_v3_RBAC } from '../gen/types.ts';
import type { PeerFacts, RequestFacts } from './facts.ts';
import { permissionTest } from './rbac-permission.ts';
import { isOfConnection, principalTest } from './rbac-principal.ts';
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
    .map((name) => ({
      name,
      test: policyTest(policies[name] ?? {}, refuse, fieldIn(field, `policies.${name}`)),
    }));
  return {
    action,
    evaluate(request, peer) {
      let policy: string | undefined;
      for (let i = 0; i < compiled.length && policy === undefined; i++)
        if (compiled[i]?.test(request, peer)) policy = compiled[i]?.name;
      const allowed = action === 'LOG' || (policy !== undefined) === (action === 'ALLOW');
      return { allowed, policy: policy ?? '' };
    },
  };
}

function policyTest(
  policy: NonNullable<config_rbac_v3_RBAC['policies']>[string],
  refuse: Refuse,
  field: string,
): RbacTest {
  const { permissions = [], principals = [], ...rest } = policy;
  refuseRest(refuse, field, rest);
  const may = permissions.map((one, i) => permissionTest(one, refuse, fieldIn(field, `permissions[${i}]`)));
  const who = principals.map((one, i) => principalTest(one, refuse, fieldIn(field, `principals[${i}]`)));
  // What asks the connection alone costs least, and rules out most: it comes first.
  return principals.every(isOfConnection) ? allOf([anyOf(who), anyOf(may)]) : allOf([anyOf(may), anyOf(who)]);
}
