import type {
  AttributeTest,
  AttributeTests,
  AuthorizationAction,
  AuthorizationPolicy,
  AuthorizationRule,
} from '../../../mesh/authorization.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import type { Rbac, RbacPermission, RbacPolicy, RbacPrincipal } from '../../../xds/resources.ts';
import { isOfConnections as isPermissionOfConnections, permissionOf } from './permissions.ts';
import {
  isIdentity,
  isOfConnections as isPrincipalOfConnections,
  isSourceAttribute,
  principalOf,
} from './principals.ts';
import { allOfPermissions, allOfPrincipals, anyOfPermissions, anyOfPrincipals } from './rbac-types.ts';

/** What the rules are for. */
export interface RulesContext {
  readonly settings: MeshSettings;
  /** For connections, of which nothing is known that only requests have. */
  readonly tcp: boolean;
  /** Clients may show certificates that nobody verified: Envoy's rules ask what is shown, not whether it is true. */
  readonly unverified: boolean;
}

const ACTIONS = { allow: 'ALLOW', deny: 'DENY', audit: 'LOG', custom: 'DENY' } as const;

/**
 * Policies of one action as Envoy's rules. Each rule is a policy of its own, named so that whoever is refused can be
 * told by which: `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`.
 */
export function rbacOf(
  action: AuthorizationAction,
  policies: readonly AuthorizationPolicy[],
  context: RulesContext,
  prefix = '',
): Rbac {
  const named = policies.flatMap(({ origin, rules }) =>
    rules.flatMap((rule, i): [string, RbacPolicy][] => {
      const policy = policyOf(rule, action, context);
      const name = `${prefix}ns[${origin.namespace}]-policy[${origin.name}]-rule[${i}]`;
      return policy === undefined ? [] : [[name, policy]];
    }),
  );
  return { action: ACTIONS[action], policies: Object.fromEntries(named) };
}

/**
 * One rule. Undefined where a connection cannot be judged by it: what must be known to be allowed is not known. Of a
 * rule that denies, what cannot be judged is left out, so that it denies more and not less.
 */
function policyOf(
  rule: AuthorizationRule,
  action: AuthorizationAction,
  context: RulesContext,
): RbacPolicy | undefined {
  if (context.tcp && action === 'allow' && !judgesConnections(rule)) return undefined;
  const known = (tests: AttributeTests) => (context.tcp ? tests.filter(isOfConnections) : tests);
  const when = known(rule.conditions);
  const ofSource = when.filter(({ attribute }) => isSourceAttribute(attribute));
  const ofOperation = when.filter(({ attribute }) => !isSourceAttribute(attribute));
  return {
    permissions: orEverything(rule.operations).map((tests) => permissions([...known(tests), ...ofOperation])),
    principals: orEverything(rule.sources).map((tests) =>
      principals([...known(tests), ...ofSource], action, context),
    ),
  };
}

function orEverything(alternatives: readonly AttributeTests[]): readonly AttributeTests[] {
  return alternatives.length === 0 ? [[]] : alternatives;
}

function judgesConnections({ sources, operations, conditions }: AuthorizationRule): boolean {
  return [...sources, ...operations, conditions].every((tests) => tests.every(isOfConnections));
}

function isOfConnections({ attribute }: AttributeTest): boolean {
  return isSourceAttribute(attribute)
    ? isPrincipalOfConnections(attribute)
    : isPermissionOfConnections(attribute);
}

function permissions(tests: AttributeTests): RbacPermission {
  return allOfPermissions(
    tests.flatMap((test) => {
      const each = (values: readonly string[]) =>
        anyOfPermissions(values.map((value) => permissionOf(test, value)));
      return [
        ...(test.values.length === 0 ? [] : [each(test.values)]),
        ...(test.notValues.length === 0 ? [] : [{ not_rule: each(test.notValues) }]),
      ];
    }),
  );
}

function principals(
  tests: AttributeTests,
  action: AuthorizationAction,
  { settings, unverified }: RulesContext,
): RbacPrincipal {
  return allOfPrincipals(
    tests.flatMap((test) => {
      const each = (values: readonly string[]) =>
        anyOfPrincipals(values.flatMap((value) => principalOf(test, value, settings)));
      const doubted = unverified && isIdentity(test.attribute);
      return [
        ...(test.values.length === 0 ? [] : [doubted && action === 'allow' ? NOBODY : each(test.values)]),
        ...(test.notValues.length === 0
          ? []
          : [doubted && action !== 'allow' ? EVERYBODY : { not_id: each(test.notValues) }]),
      ];
    }),
  );
}

// Where identities are mere claims nobody is allowed by one, and nobody escapes a denial by one.
const EVERYBODY: RbacPrincipal = { any: true };
const NOBODY: RbacPrincipal = { not_id: EVERYBODY };
