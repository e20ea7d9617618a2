import {
  getHeader,
  getJoinedHeader,
  type Headers,
  removeHeader,
  setHeader,
} from '../../../../wire/headers.ts';
import type { FilterStream, HttpFilter, HttpFilterKind } from '../../../stream/http-filter.ts';
import { chooseEncoding } from './accept-encoding.ts';
import {
  COMPRESSOR_MESSAGE,
  COMPRESSOR_ROUTE_MESSAGE,
  type CompressorConfig,
  type CompressorRouteConfig,
  lowerCompressor,
  lowerCompressorRoute,
} from './config.ts';
import type { Encoder, Encoding } from './encoding.ts';

/** Encodings that the compressors of one chain offer, in the chain's order: only one of them takes a response. */
const offers = new WeakMap<object, Encoding[]>();

/** Compresses responses for clients that take it. */
export const compressorKind: HttpFilterKind = {
  message: COMPRESSOR_MESSAGE,
  routeMessage: COMPRESSOR_ROUTE_MESSAGE,
  lower(message, context) {
    const config = lowerCompressor(message, context);
    const { chain } = context;
    const offered = offers.get(chain) ?? [];
    offers.set(chain, offered);
    if (config.enabled) offered.push(config.encoding);
    return {
      name: context.name,
      forRoute(overrides) {
        const route = overrides[0] as CompressorRouteConfig | undefined;
        if (route?.disabled === true || !config.enabled) return undefined;
        const removes = route?.removesAcceptEncoding ?? config.removesAcceptEncoding;
        return makeCompressor({ ...config, removesAcceptEncoding: removes }, chain, offered);
      },
    };
  },
  lowerRoute: lowerCompressorRoute,
};

function makeCompressor(config: CompressorConfig, chain: object, offered: readonly Encoding[]): HttpFilter {
  const own = {};
  const stateOf = (stream: FilterStream): { encoder?: Encoder } => stream.stateOf(own, () => ({}));
  // What the client takes, as it said it before any compressor took the header away.
  const accepted = (stream: FilterStream): { readonly header: string | undefined } =>
    stream.stateOf(chain, () => ({ header: stream.request.header('accept-encoding') }));
  return {
    requestHeaders(stream) {
      accepted(stream);
      if (config.removesAcceptEncoding) removeHeader(stream.request.headers, 'accept-encoding');
      return undefined;
    },
    responseHeaders(stream) {
      const length = compressibleLength(config, stream);
      if (length === undefined) return undefined;
      const { headers } = stream.response;
      const able = offered.filter(({ maxLength }) => length <= maxLength).map(({ name }) => name);
      const chosen = chooseEncoding(accepted(stream).header, able);
      if (chosen === config.encoding.name) {
        stateOf(stream).encoder = config.encoding.encoder();
        markCompressed(headers, chosen);
      }
      addVary(headers);
      return undefined;
    },
    responseData(stream, bytes, end) {
      const { encoder } = stateOf(stream);
      if (encoder === undefined) return bytes;
      if (!end) return bytes.length === 0 ? bytes : encoder.push(bytes);
      return bytes.length === 0 ? encoder.end() : Buffer.concat([encoder.push(bytes), encoder.end()]);
    },
  };
}

/** The length of a body that may be compressed, infinite where it is not known; undefined for others. */
function compressibleLength(
  config: CompressorConfig,
  { request, response }: FilterStream,
): number | undefined {
  const { status, headers } = response;
  const get = (name: string): string | undefined => getHeader(headers, name);
  if (request.method === 'HEAD' || request.method === 'CONNECT') return undefined;
  if (status < 200 || status === 204 || status === 206 || status === 304) return undefined;
  if (get('content-encoding') !== undefined) return undefined;
  if (/\bno-transform\b/i.test(getJoinedHeader(headers, 'cache-control') ?? '')) return undefined;
  if (config.sparesEtags && get('etag') !== undefined) return undefined;
  const type = get('content-type')?.split(';')[0]?.trim().toLowerCase();
  // As in Envoy, what does not say what it is may be compressed.
  if (type !== undefined && !config.contentTypes.has(type)) return undefined;
  const length = Number(get('content-length') ?? Number.POSITIVE_INFINITY);
  return length >= config.minLength ? length : undefined;
}

/** Another body: its length is not known yet, and bytes that a strong etag speaks of are gone. */
function markCompressed(headers: Headers, encoding: string): void {
  removeHeader(headers, 'content-length');
  if (!getHeader(headers, 'etag')?.startsWith('W/')) removeHeader(headers, 'etag');
  headers.push('content-encoding', encoding);
}

/** Caches must know, even where this client takes no compression. */
function addVary(headers: Headers): void {
  const vary = getJoinedHeader(headers, 'vary');
  if (vary === undefined) headers.push('vary', 'Accept-Encoding');
  else if (vary.trim() !== '*' && !/(?:^|,)\s*accept-encoding\s*(?:,|$)/i.test(vary))
    setHeader(headers, 'vary', `${vary}, Accept-Encoding`);
}
