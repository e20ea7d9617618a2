import { type RbacVerdict, rbacDetails } from '../../../../xds/match/rbac.ts';
import type { Counter, StatScope } from '../../../observe/stat-scope.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { lowerRbac, lowerRbacRoute, RBAC_MESSAGE, RBAC_ROUTE_MESSAGE, type RbacConfig } from './config.ts';

/** Who may do what: rules about caller and request. A route's own rules replace the chain's. */
export const rbacKind: HttpFilterKind = {
  message: RBAC_MESSAGE,
  routeMessage: RBAC_ROUTE_MESSAGE,
  lower(message, context) {
    const own = lowerRbac(message, context);
    return {
      name: context.name,
      forRoute: (overrides) => makeRbac((overrides[0] as RbacConfig | undefined) ?? own, context.stats),
    };
  },
  lowerRoute: lowerRbacRoute,
};

const METADATA = 'envoy.filters.http.rbac';
/** Where access logs look for the hint of rules that only log. */
const COMMON_METADATA = 'envoy.common';

/** `http.PREFIX.rbac.`; the enforced rules' and those of the rules on trial. */
interface RbacCounters {
  readonly allowed: Counter;
  readonly denied: Counter;
}

function countersOf(scope: StatScope, prefix: string, kind: '' | 'shadow_'): RbacCounters {
  const dotted = prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
  const counter = (name: string): Counter => scope.counter(`${dotted}${kind}${name}`);
  return { allowed: counter('allowed'), denied: counter('denied') };
}

function makeRbac(config: RbacConfig, stats: StatScope): HttpFilter | undefined {
  const { enforced, shadow, statPrefix, shadowPrefix } = config;
  if (enforced === undefined && shadow === undefined) return undefined;
  const scope = stats.scope('rbac.');
  const counted = countersOf(scope, statPrefix, '');
  const shadowCounted = countersOf(scope, shadowPrefix, 'shadow_');
  return {
    requestHeaders(stream) {
      const { request, peer } = stream;
      if (shadow !== undefined) {
        const verdict = shadow.evaluate(request, peer);
        (verdict.allowed ? shadowCounted.allowed : shadowCounted.denied).value++;
        tell(stream, `${shadowPrefix}shadow`, verdict);
      }
      if (enforced === undefined) return undefined;
      const verdict = enforced.evaluate(request, peer);
      (verdict.allowed ? counted.allowed : counted.denied).value++;
      if (enforced.action === 'LOG') {
        stream.setMetadata(COMMON_METADATA, { access_log_hint: verdict.policy !== '' });
        return undefined;
      }
      // Telling costs every request something: of what is allowed only where somebody gave it a name to be found by.
      if (statPrefix !== '' || !verdict.allowed) tell(stream, `${statPrefix}enforced`, verdict);
      return verdict.allowed ? undefined : denied(verdict.policy);
    },
  };
}

/** Metadata for logs and for filters that come after. */
function tell(stream: FilterStream, prefix: string, { allowed, policy }: RbacVerdict): void {
  stream.setMetadata(METADATA, {
    ...(policy === '' ? {} : { [`${prefix}_effective_policy_id`]: policy }),
    [`${prefix}_engine_result`]: allowed ? 'allowed' : 'denied',
  });
}

function denied(policy: string): Reply {
  return { status: 403, body: 'RBAC: access denied', details: rbacDetails(policy) };
}
