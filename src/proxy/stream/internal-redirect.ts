import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { messageOf, type RouteAction } from '../../xds/resources.ts';

type Message = NonNullable<RouteAction['internal_redirect_policy']>;

/** Which redirects of upstreams are followed here: config.route.v3.InternalRedirectPolicy with Envoy's defaults. */
export interface InternalRedirectPolicy {
  readonly codes: ReadonlySet<number>;
  readonly most: number;
  /** From http to https and back. */
  readonly crossScheme: boolean;
  /** Response headers that go into the next request; lower case. */
  readonly copied: readonly string[];
  /** Not twice from one route to the same other one. */
  readonly onlyNewRoutes: boolean;
  /** Names of routes it may lead to; undefined: any. */
  readonly allowedRoutes: ReadonlySet<string> | undefined;
  /** From TLS to plaintext only. */
  readonly safeCrossScheme: boolean;
}

const PREDICATES = 'envoy.extensions.internal_redirect.';

export function readInternalRedirect(
  message: Message,
  refuse: Refuse,
  field: string,
): InternalRedirectPolicy {
  const { max_internal_redirects = 1, redirect_response_codes = [], predicates = [], ...more } = message;
  const { allow_cross_scheme_redirect = false, response_headers_to_copy = [], ...rest } = more;
  refuseRest(refuse, field, rest);
  let onlyNewRoutes = false;
  let safeCrossScheme = false;
  let allowedRoutes: Set<string> | undefined;
  for (const [i, { typed_config }] of predicates.entries()) {
    const kind = messageOf(typed_config?.['@type'] ?? '');
    if (kind === `${PREDICATES}previous_routes.v3.PreviousRoutesConfig`) onlyNewRoutes = true;
    else if (kind === `${PREDICATES}safe_cross_scheme.v3.SafeCrossSchemeConfig`) safeCrossScheme = true;
    else if (kind === `${PREDICATES}allow_listed_routes.v3.AllowListedRoutesConfig`)
      allowedRoutes = new Set((typed_config?.['allowed_route_names'] ?? []) as readonly string[]);
    else refuse(fieldIn(field, `predicates[${i}].typed_config`), `'${kind}' is not supported by this proxy`);
  }
  // Envoy takes other codes out of the list without a word.
  const codes = redirect_response_codes.filter((code) => [301, 302, 303, 307, 308].includes(code));
  return {
    codes: new Set(redirect_response_codes.length === 0 ? [302] : codes),
    most: max_internal_redirects,
    crossScheme: allow_cross_scheme_redirect,
    copied: response_headers_to_copy.map((name) => name.toLowerCase()),
    onlyNewRoutes,
    allowedRoutes,
    safeCrossScheme,
  };
}
