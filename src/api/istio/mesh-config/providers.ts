import {
  anyObject,
  bool,
  duration,
  type Infer,
  int32,
  lenient,
  list,
  oneOf,
  text,
  textMap,
  texts,
  uint32,
} from '../../schema.ts';

// Things outside the mesh that proxies ask or report to, by name.

const service = { service: text, port: uint32 };
const serviceWithTags = { ...service, maxTagLength: uint32 };
const httpHeaders = list(lenient({ name: text }, { value: text, envName: text }));
const httpService = lenient({}, { path: text, timeout: duration, headers: httpHeaders });
const grpcService = lenient({}, { timeout: duration, initialMetadata: httpHeaders });
const logFormat = lenient({}, { text, labels: anyObject });

const requestBody = lenient({}, { maxRequestBytes: uint32, allowPartialMessage: bool, packAsBytes: bool });

const extAuthz = {
  ...service,
  timeout: duration,
  failOpen: bool,
  clearRouteCache: bool,
  statusOnError: text,
  includeRequestBodyInCheck: requestBody,
};

const grpcLog = { ...service, logName: text, filterStateObjectsToLog: texts };

/** One provider: a name and one of the fields that say what it is. */
export const extensionProvider = lenient(
  { name: text },
  {
    envoyExtAuthzHttp: lenient(
      {},
      {
        ...extAuthz,
        pathPrefix: text,
        includeHeadersInCheck: texts,
        includeRequestHeadersInCheck: texts,
        includeAdditionalHeadersInCheck: textMap,
        headersToUpstreamOnAllow: texts,
        headersToDownstreamOnDeny: texts,
        headersToDownstreamOnAllow: texts,
      },
    ),
    envoyExtAuthzGrpc: lenient({}, extAuthz),
    zipkin: lenient(
      {},
      {
        ...serviceWithTags,
        enable64bitTraceId: bool,
        path: text,
        traceContextOption: oneOf('USE_B3', 'USE_B3_WITH_W3C_PROPAGATION'),
        timeout: duration,
        headers: httpHeaders,
      },
    ),
    lightstep: lenient({}, { ...serviceWithTags, accessToken: text }),
    datadog: lenient({}, serviceWithTags),
    stackdriver: lenient({}, { maxTagLength: uint32, logging: lenient({}, { labels: textMap }) }),
    opencensus: lenient({}, { ...serviceWithTags, context: texts }),
    skywalking: lenient({}, { ...service, accessToken: text }),
    opentelemetry: lenient(
      {},
      {
        ...serviceWithTags,
        http: httpService,
        grpc: grpcService,
        resourceDetectors: lenient({}, { environment: anyObject, dynatrace: anyObject }),
        serviceAttributeEnrichment: oneOf('ISTIO_CANONICAL', 'OTEL_SEMANTIC_CONVENTIONS'),
        dynatraceSampler: lenient(
          {},
          {
            tenant: text,
            clusterId: int32,
            rootSpansPerMinute: uint32,
            httpService: lenient({}, { ...service, http: httpService }),
          },
        ),
      },
    ),
    prometheus: anyObject,
    envoyFileAccessLog: lenient({}, { path: text, logFormat, omitEmptyValues: bool }),
    envoyHttpAls: lenient(
      {},
      {
        ...grpcLog,
        additionalRequestHeadersToLog: texts,
        additionalResponseHeadersToLog: texts,
        additionalResponseTrailersToLog: texts,
      },
    ),
    envoyTcpAls: lenient({}, grpcLog),
    envoyOtelAls: lenient({}, { ...service, logName: text, logFormat }),
    sds: lenient({}, { name: text, ...service }),
  },
);
export type ExtensionProvider = Infer<typeof extensionProvider>;
