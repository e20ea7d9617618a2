import { durationMs } from '../../../api/check/duration.ts';
import type { ExtensionProvider } from '../../../api/istio/mesh-config/providers.ts';
import type { Authorizer } from '../../../mesh/authorization.ts';

/** Istio's own: long enough for anything but a service that hangs. */
const DEFAULT_TIMEOUT_MS = 600_000;

/** The providers of the mesh configuration that answer whether a request may pass, by name. */
export function authorizers(providers: readonly ExtensionProvider[]): Readonly<Record<string, Authorizer>> {
  return Object.fromEntries(
    providers.flatMap((provider): [string, Authorizer][] => {
      const { name, envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc } = provider;
      if (http !== undefined) return [[name, { ...common(http), ...overHttp(http), kind: 'http' }]];
      return grpc === undefined ? [] : [[name, { ...common(grpc), ...overHttp({}), kind: 'grpc' }]];
    }),
  );
}

type HttpProvider = NonNullable<ExtensionProvider['envoyExtAuthzHttp']>;
type GrpcProvider = NonNullable<ExtensionProvider['envoyExtAuthzGrpc']>;

function common(provider: GrpcProvider): Omit<Authorizer, 'kind' | keyof ReturnType<typeof overHttp>> {
  const body = provider.includeRequestBodyInCheck;
  return {
    service: provider.service ?? '',
    port: provider.port ?? 0,
    timeoutMs: provider.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(provider.timeout),
    failOpen: provider.failOpen === true,
    statusOnError: Number(provider.statusOnError ?? '') || 403,
    clearRouteCache: provider.clearRouteCache === true,
    body: body && {
      maxBytes: body.maxRequestBytes ?? 0,
      allowPartial: body.allowPartialMessage === true,
      asBytes: body.packAsBytes === true,
    },
  };
}

function overHttp(http: HttpProvider) {
  return {
    pathPrefix: http.pathPrefix ?? '',
    headersInCheck: http.includeRequestHeadersInCheck ?? http.includeHeadersInCheck ?? [],
    addedInCheck: http.includeAdditionalHeadersInCheck ?? {},
    headersUpstream: http.headersToUpstreamOnAllow ?? [],
    headersOnDeny: http.headersToDownstreamOnDeny ?? [],
    headersOnAllow: http.headersToDownstreamOnAllow ?? [],
  };
}
