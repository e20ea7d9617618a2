import { durationMs } from '../../api/check/duration.ts';
import type { MeshConfig } from '../../api/istio/mesh-config.ts';
import { defined } from '../../lib/defined.ts';
import type { ConnectionLimits, MeshSettings } from '../../mesh/settings.ts';

type Written = NonNullable<NonNullable<Partial<MeshConfig>['defaultConfig']>['connectionSettings']>;

/** MeshConfig's `defaultConfig.connectionSettings`. Profile EDGE fills in, at gateways alone, what is not written. */
export function connectionLimits(written: Written = {}): MeshSettings['connections'] {
  const own = limitsOf(written);
  return { sidecar: own, gateway: written.profile === 'EDGE' ? { ...EDGE, ...own } : own };
}

/** Envoy's advice for proxies at the edge, as Istio takes it. */
const EDGE: ConnectionLimits = {
  listenerBufferBytes: 32_768,
  idleTimeoutMs: 3_600_000,
  streamIdleTimeoutMs: 300_000,
  requestTimeoutMs: 300_000,
  requestHeadersTimeoutMs: 60_000,
  maxConcurrentStreams: 100,
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  underscores: 'REJECT_REQUEST',
  mergeSlashes: true,
  escapedSlashes: 'UNESCAPE_AND_REDIRECT',
};

function limitsOf(written: Written): ConnectionLimits {
  return defined({
    listenerBufferBytes: natural(written.listenerPerConnectionBufferLimitBytes),
    clusterBufferBytes: natural(written.clusterPerConnectionBufferLimitBytes),
    idleTimeoutMs: time(written.httpIdleTimeout),
    maxConnectionDurationMs: time(written.httpMaxConnectionDuration),
    drainTimeoutMs: time(written.httpDrainTimeout),
    requestTimeoutMs: time(written.httpRequestTimeout),
    requestHeadersTimeoutMs: time(written.httpRequestHeadersTimeout),
    streamIdleTimeoutMs: time(written.httpStreamIdleTimeout),
    maxStreamDurationMs: time(written.httpMaxStreamDuration),
    maxConcurrentStreams: natural(written.httpMaxConcurrentStreams),
    streamWindowBytes: natural(written.http2InitialStreamWindowSize),
    connectionWindowBytes: natural(written.http2InitialConnectionWindowSize),
    underscores: UNDERSCORES[written.httpHeadersWithUnderscoresAction ?? ''],
    mergeSlashes: written.httpMergeSlashes,
    escapedSlashes: SLASHES[written.httpPathWithEscapedSlashesAction ?? ''],
  });
}

/** Negative numbers mean nothing (Istio). */
function natural(number: number | undefined): number | undefined {
  return number === undefined || number < 0 ? undefined : number;
}

function time(text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(text);
}

const UNDERSCORES: Readonly<Record<string, string>> = {
  HEADERS_WITH_UNDERSCORES_ALLOW: 'ALLOW',
  HEADERS_WITH_UNDERSCORES_REJECT_REQUEST: 'REJECT_REQUEST',
  HEADERS_WITH_UNDERSCORES_DROP_HEADER: 'DROP_HEADER',
};

const SLASHES: Readonly<Record<string, string>> = {
  KEEP_UNCHANGED: 'KEEP_UNCHANGED',
  REJECT_REQUEST: 'REJECT_REQUEST',
  UNESCAPE_AND_REDIRECT: 'UNESCAPE_AND_REDIRECT',
  UNESCAPE_AND_FORWARD: 'UNESCAPE_AND_FORWARD',
};
