import type { JwtRule } from '../../../mesh/authentication.ts';
import type { Authorization } from '../../../mesh/authorization.ts';
import type { ServerTls } from '../../../mesh/gateway.ts';
import type { Origin } from '../../../mesh/origin.ts';
import { authorization } from '../../resolve/authorization/policies.ts';
import { routesByClaims } from '../../resolve/claim-routes.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { type PolicySubject, subjectKey } from '../../resolve/policy-attachment.ts';
import { jwtRules } from '../../resolve/request-authentications.ts';
import { keyOf, keySetFact, partsOf, type Read, step } from '../../resolve/world.ts';
import { authorizationFilters, connectionFilters } from './http-security.ts';
import { jwtFilter } from './jwt.ts';
import type { HttpFilter, NetworkFilter } from './rbac-types.ts';

/** What policies put into the filter chains of a workload. */
export interface WorkloadSecurity {
  readonly http: readonly HttpFilter[];
  readonly tcp: readonly NetworkFilter[];
  readonly origins: readonly Origin[];
}

/** No policies. */
export const NO_SECURITY: WorkloadSecurity = { http: [], tcp: [], origins: [] };

/**
 * Filters for the inbound side of a sidecar, or for all listeners of a router; `tls` where they end TLS by settings of
 * their own.
 */
export function securityOf(
  read: Read,
  subject: PolicySubject,
  type: 'sidecar' | 'router',
  tls?: ServerTls,
): WorkloadSecurity {
  const clients = tls !== undefined && takesUnverified(tls) ? UNVERIFIED : '';
  return read.of(security, keyOf(type, clients, subjectKey(subject)));
}

const UNVERIFIED = 'unverified';

/** Whether clients are asked for certificates that are not verified. */
function takesUnverified({ mode, acceptUntrusted }: ServerTls): boolean {
  return acceptUntrusted === true && (mode === 'mutual' || mode === 'optional-mutual');
}

/** Filters by type of the proxy, what is known of its clients, namespace and labels. */
const security = step('security', (read, key): WorkloadSecurity => {
  const [type, clients, ...subject] = partsOf(key);
  const policies = read.of(authorization, keyOf(...subject));
  const rules = read.of(jwtRules, keyOf(...subject));
  const origins = originsOf(policies, rules);
  if (origins.length === 0) return NO_SECURITY;
  const settings = read.of(meshSettings, '');
  const unverified = clients === UNVERIFIED;
  const keysOf = (uri: string) => read.fact(keySetFact, uri)?.keys;
  const routed = type === 'router' && read.of(routesByClaims, '');
  const tokens = rules.length === 0 ? [] : [jwtFilter(rules, keysOf, routed)];
  return {
    http: [...tokens, ...authorizationFilters(policies, settings, unverified)],
    tcp: connectionFilters(policies, settings, unverified),
    origins,
  };
});

function originsOf(policies: Authorization, rules: readonly JwtRule[]): readonly Origin[] {
  return [...Object.values(policies).flat(), ...rules].map(({ origin }) => origin);
}
