import type { RbacVerdict } from '../../../../xds/match/rbac.ts';
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
      forRoute: (overrides) => makeRbac((overrides[0] as RbacConfig | undefined) ?? own),
    };
  },
  lowerRoute: lowerRbacRoute,
};

const METADATA = 'envoy.filters.http.rbac';
/** Where access logs look for the hint of rules that only log. */
const COMMON_METADATA = 'envoy.common';

function makeRbac({ enforced, shadow, statPrefix, shadowPrefix }: RbacConfig): HttpFilter | undefined {
  if (enforced === undefined && shadow === undefined) return undefined;
  return {
    requestHeaders(stream) {
      const { request, peer } = stream;
      if (shadow !== undefined) tell(stream, `${shadowPrefix}shadow`, shadow.evaluate(request, peer));
      if (enforced === undefined) return undefined;
      const verdict = enforced.evaluate(request, peer);
      if (enforced.action === 'LOG') {
        stream.setMetadata(COMMON_METADATA, { access_log_hint: verdict.policy !== '' });
        return undefined;
      }
      // Telling costs every request something: only where somebody gave it a name to be found by.
      if (statPrefix !== '') tell(stream, `${statPrefix}enforced`, verdict);
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
  const name = policy === '' ? 'none' : policy.replace(/\s/g, '_');
  return {
    status: 403,
    body: 'RBAC: access denied',
    details: `rbac_access_denied_matched_policy[${name}]`,
  };
}
