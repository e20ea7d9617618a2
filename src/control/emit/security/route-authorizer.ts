import { xxHash64 } from '../../../lib/xxhash64.ts';
import type { Authorizer } from '../../../mesh/authorization.ts';
import { type AnyMessage, any } from '../../../xds/resources.ts';
import { authorizerConfig } from './ext-authz.ts';
import type { HttpFilter } from './rbac-types.ts';

// Whom a rule of a route asks (HTTPRoute's ExternalAuth): a filter for each authorizer, off but for the routes that name
// it. A route cannot bring an authorizer of its own; Envoy's filters are told whom to ask when they are made.

/** Name of an authorizer's filter: the same for all rules that ask it alike. */
export function authorizerFilterName(authorizer: Authorizer): string {
  const { hi, lo } = xxHash64(JSON.stringify(authorizer));
  const hash = [hi, lo].map((part) => part.toString(16).padStart(8, '0')).join('');
  return `envoy.filters.http.ext_authz/${authorizer.service}:${authorizer.port}/${hash}`;
}

export function authorizerFilter(authorizer: Authorizer): HttpFilter {
  return {
    name: authorizerFilterName(authorizer),
    disabled: true,
    typed_config: any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', authorizerConfig(authorizer)),
  };
}

/** What a route says to the filter, by which it is on. */
export const ASKED: AnyMessage = any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute', {
  check_settings: {},
});
