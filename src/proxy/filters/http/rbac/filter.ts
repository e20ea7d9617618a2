import type { HttpFilter, HttpFilterKind } from '../../../stream/http-filter.ts';
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

function makeRbac({ enforced, shadow, shadowPrefix }: RbacConfig): HttpFilter | undefined {
  if (enforced === undefined && shadow === undefined) return undefined;
  return {
    requestHeaders(stream) {
      const { request, peer } = stream;
      if (shadow !== undefined) {
        const { allowed, policy } = shadow.evaluate(request, peer);
        stream.setMetadata(METADATA, {
          [`${shadowPrefix}shadow_effective_policy_id`]: policy,
          [`${shadowPrefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied',
        });
      }
      if (enforced === undefined) return undefined;
      const { allowed, policy } = enforced.evaluate(request, peer);
      if (allowed) return undefined;
      const name = policy === '' ? 'none' : policy.replace(/\s/g, '_');
      return {
        status: 403,
        body: 'RBAC: access denied',
        details: `rbac_access_denied_matched_policy[${name}]`,
      };
    },
  };
}
