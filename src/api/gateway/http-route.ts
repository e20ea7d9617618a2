import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import { type Infer, int32, list, message, oneOf, text, texts } from '../schema.ts';
import { checkHttpRoute } from './http-route/check.ts';
import { httpRouteMatch } from './http-route/match.ts';
import { httpRouteFilter } from './shared/filters.ts';
import { GATEWAY_API_GROUP } from './shared/names.ts';
import { parentRefs, weightedBackendRef } from './shared/references.ts';
import { sessionPersistence } from './shared/session-persistence.ts';

const backend = message(weightedBackendRef.required, {
  ...weightedBackendRef.optional,
  filters: list(httpRouteFilter),
});

const rule = message(
  {},
  {
    name: text,
    matches: list(httpRouteMatch),
    filters: list(httpRouteFilter),
    backendRefs: list(backend),
    timeouts: message({}, { request: text, backendRequest: text }),
    retry: message({}, { codes: list(int32), attempts: int32, backoff: text }),
    sessionPersistence,
  },
);
export type HttpRouteRule = Infer<typeof rule>;

const spec = message(
  {},
  { parentRefs, hostnames: texts, rules: list(rule), useDefaultGateways: oneOf('All', 'None') },
);

/** Spec of an HTTPRoute. A rule without matches takes every request; without backends it answers 404 or redirects. */
export type HttpRouteSpec = Infer<typeof spec>;
export type HttpRoute = SpecObject<HttpRouteSpec>;

/** gateway.networking.k8s.io HTTPRoute. */
export const kubernetesHttpRoute = specKind(
  { group: GATEWAY_API_GROUP, kind: 'HTTPRoute', versions: ['v1', 'v1beta1'] },
  spec,
  checkHttpRoute,
);
