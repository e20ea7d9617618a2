import type { HttpRouteFilter } from '../../../api/gateway/shared/filters.ts';
import type { Cors, TextMatch } from '../../../mesh/route.ts';

const DEFAULT_MAX_AGE_MS = 5000;

/** A CORS filter. Preflights of origins that are not named never reach the backend. */
export function corsOf(spec: NonNullable<HttpRouteFilter['cors']>): Cors {
  return {
    origins: (spec.allowOrigins ?? []).map(originMatch),
    methods: orAll(spec.allowMethods),
    headers: orAll(spec.allowHeaders),
    exposeHeaders: exposed(spec),
    maxAgeMs: spec.maxAge === undefined ? DEFAULT_MAX_AGE_MS : spec.maxAge * 1000,
    ...(spec.allowCredentials === true ? { credentials: true } : {}),
    forwardUnmatchedPreflights: false,
  };
}

/** `*` among others means all, and is answered with what was asked for; Envoy does so for `*` alone. */
function orAll(names: readonly string[] = []): readonly string[] {
  return names.includes('*') ? ['*'] : names;
}

/** Where requests carry credentials `*` would be the name of a header. */
function exposed({ exposeHeaders = [], allowCredentials }: NonNullable<HttpRouteFilter['cors']>) {
  return allowCredentials === true ? exposeHeaders.filter((name) => name !== '*') : exposeHeaders;
}

/** `*`, a whole origin, or one whose host begins with `*`. */
function originMatch(origin: string): TextMatch {
  if (origin === '*') return { type: 'regex', value: '.*' };
  if (!origin.includes('*')) return { type: 'exact', value: origin };
  const parts = origin.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return { type: 'regex', value: parts.join('.+') };
}
