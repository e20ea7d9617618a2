/**
 * What of identity and policy stands in filter chains.
 *
 * In: the policies of a workload (resolve/authorization, resolve/request-authentications). Out: HTTP filters that come
 * before all others, and network filters that come before the one that passes bytes on. The order is Istio's: tokens
 * are verified, whoever is to be asked is asked, then what is denied is denied, and last, where anything must be
 * allowed, it must be allowed. Policies that only observe are rules on trial of the same filters.
 */
import type {
  Authorization,
  AuthorizationAction,
  AuthorizationPolicy,
  Authorizer,
} from '../../../mesh/authorization.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import { any, type Rbac } from '../../../xds/resources.ts';
import { extAuthzFilter, extAuthzOfConnections } from './ext-authz.ts';
import { type RulesContext, rbacOf } from './rbac-rules.ts';
import type { HttpFilter, NetworkFilter } from './rbac-types.ts';

/** Key prefixes of what rules on trial tell, and names of policies that say who is asked (Istio's). */
export const TRIAL = {
  allow: 'istio_dry_run_allow_',
  deny: 'istio_dry_run_deny_',
  custom: 'istio_dry_run_custom_',
} as const;
/** Rules that hold for connections stand among the ones on trial too: logs can only ask what those found. */
export const ENFORCED_MIRROR = 'weft_enforced_';
const ASK = 'istio_ext_authz_';
const ASK_POLICY = 'istio-ext-authz';

/** The HTTP filters of the policies. */
export function authorizationFilters(
  policies: Authorization,
  settings: MeshSettings,
  unverified: boolean,
): readonly HttpFilter[] {
  const context = { settings, tcp: false, unverified };
  const rules = (action: AuthorizationAction, list: readonly AuthorizationPolicy[]) =>
    rbacOf(action, list, context);
  return [
    ...askFilters(policies.custom, context, OF_REQUESTS),
    ...(policies.audit.length === 0 ? [] : [httpRbac({ rules: rules('audit', policies.audit) })]),
    ...(['deny', 'allow'] as const).flatMap((action) => filterOf(action, policies[action], rules, httpRbac)),
  ];
}

/** The network filters of the policies: for connections that are not HTTP. */
export function connectionFilters(
  policies: Authorization,
  settings: MeshSettings,
  unverified: boolean,
): readonly NetworkFilter[] {
  const context = { settings, tcp: true, unverified };
  const rules = (action: AuthorizationAction, list: readonly AuthorizationPolicy[]) =>
    rbacOf(action, list, context);
  return [
    ...askFilters(policies.custom, context, OF_CONNECTIONS),
    ...(policies.audit.length === 0 ? [] : [networkRbac({ rules: rules('audit', policies.audit) })]),
    ...(['deny', 'allow'] as const).flatMap((action) =>
      [true, false].flatMap((observe) => {
        const own = policies[action].filter((policy) => policy.observe === observe);
        return filterOf(action, own, rules, networkRbac);
      }),
    ),
  ];
}

interface RbacFields {
  readonly rules?: Rbac;
  readonly shadow_rules?: Rbac;
  readonly shadow_rules_stat_prefix?: string;
}

/** One filter for an action: rules that hold, and rules on trial beside them. */
function filterOf<T>(
  action: 'allow' | 'deny',
  policies: readonly AuthorizationPolicy[],
  rules: (action: AuthorizationAction, list: readonly AuthorizationPolicy[]) => Rbac,
  make: (fields: RbacFields) => T,
): readonly T[] {
  const enforced = policies.filter(({ observe }) => !observe);
  const observed = policies.filter(({ observe }) => observe);
  if (policies.length === 0) return [];
  return [
    make({
      ...(enforced.length === 0 ? {} : { rules: rules(action, enforced) }),
      ...(observed.length === 0
        ? {}
        : { shadow_rules: rules(action, observed), shadow_rules_stat_prefix: TRIAL[action] }),
    }),
  ];
}

/** How somebody is asked: about requests, or about connections. */
interface Asking<T> {
  readonly rbac: (fields: RbacFields) => T;
  /** Undefined where the authorizer cannot be asked. */
  readonly ask: (authorizer: Authorizer, prefix: string, metadataKey: string) => T | undefined;
}

const OF_REQUESTS: Asking<HttpFilter> = { rbac: httpRbac, ask: extAuthzFilter };
const OF_CONNECTIONS: Asking<NetworkFilter> = { rbac: networkRbac, ask: extAuthzOfConnections };

/**
 * For each provider the rules that tell what it is asked about, on trial, and then the question. Policies that only
 * observe are counted by rules on trial that no question follows.
 */
function askFilters<T>(
  policies: readonly AuthorizationPolicy[],
  context: RulesContext,
  { rbac, ask }: Asking<T>,
): readonly T[] {
  const observed = policies.filter(({ observe }) => observe);
  const trial = { shadow_rules_stat_prefix: TRIAL.custom };
  const counting =
    observed.length === 0 ? [] : [rbac({ shadow_rules: rbacOf('custom', observed, context), ...trial })];
  const enforced = policies.filter(({ observe }) => !observe);
  const providers = [...new Set(enforced.map(({ provider }) => provider))].sort();
  const asking = providers.flatMap((provider) => {
    const own = enforced.filter((policy) => policy.provider === provider);
    const authorizer = context.settings.authorizers[provider];
    const prefix = `${ASK_POLICY}-${provider}-`;
    const shadow = `${ASK}${provider}_`;
    const question = authorizer && ask(authorizer, prefix, `${shadow}shadow_effective_policy_id`);
    // Nobody to ask, or nobody who can be asked about connections: what would have been asked about is denied.
    if (question === undefined) return [rbac({ rules: rbacOf('deny', own, context) })];
    const asked = rbacOf('custom', own, context, prefix);
    return [rbac({ shadow_rules: asked, shadow_rules_stat_prefix: shadow }), question];
  });
  return [...counting, ...asking];
}

function httpRbac(fields: RbacFields): HttpFilter {
  return {
    name: 'envoy.filters.http.rbac',
    typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', fields),
  };
}

function networkRbac(fields: RbacFields): NetworkFilter {
  const { rules } = fields;
  return {
    name: 'envoy.filters.network.rbac',
    typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', {
      stat_prefix: 'tcp.',
      ...fields,
      ...(rules !== undefined &&
        rules.action !== 'LOG' && { shadow_rules: rules, shadow_rules_stat_prefix: ENFORCED_MIRROR }),
    }),
  };
}
