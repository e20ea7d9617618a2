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
import { type CompressorStats, statsOf } from './stats.ts';

/** Encodings that the compressors of one chain offer, in the chain's order: only one of them takes a response. */
const offers = new WeakMap<object, Encoding[]>();

/** Compresses responses for clients that take it. */
export const compressorKind: HttpFilterKind = {
  message: COMPRESSOR_MESSAGE,
  routeMessage: COMPRESSOR_ROUTE_MESSAGE,
  lower(message, context) {
    const config = lowerCompressor(message, context);
    const { chain } = context;
    const stats = statsOf(context.stats, config);
    const offered = offers.get(chain) ?? [];
    offers.set(chain, offered);
    if (config.enabled) offered.push(config.encoding);
    return {
      name: context.name,
      forRoute(overrides) {
        const route = overrides[0] as CompressorRouteConfig | undefined;
        if (route?.disabled === true || !config.enabled) return undefined;
        const removes = route?.removesAcceptEncoding ?? config.removesAcceptEncoding;
        return makeCompressor({ ...config, removesAcceptEncoding: removes }, chain, offered, stats);
      },
    };
  },
  lowerRoute: lowerCompressorRoute,
};

function makeCompressor(
  config: CompressorConfig,
  chain: object,
  offered: readonly Encoding[],
  stats: CompressorStats,
): HttpFilter {
  const own = {};
  const encoderOf = (stream: FilterStream): Encoder | undefined => stream.knownState(own);
  // What the client takes, as it said it before any compressor took the header away.
  const accepted = (stream: FilterStream): { readonly header: string | undefined } =>
    stream.stateOf(chain, () => ({ header: stream.request.header('accept-encoding') }));
  return {
    requestHeaders(stream) {
      accepted(stream);
      stats.requestNotCompressed.value++;
      if (config.removesAcceptEncoding) removeHeader(stream.request.headers, 'accept-encoding');
      return undefined;
    },
    responseHeaders(stream) {
      const { header } = accepted(stream);
      const { length, compressible, offers: may } = compressibleBody(config, stream);
      if (length < config.minLength) stats.tooShort.value++;
      else stats.decided(header, may ? config.encoding.name : undefined);
      const chosen = compressible
        ? chooseEncoding(
            header,
            offered.map(({ name }) => name),
          )
        : undefined;
      if (compressible) addVary(stream.response.headers);
      if (chosen !== config.encoding.name) {
        stats.notCompressed.value++;
        return undefined;
      }
      stats.compressed.value++;
      stream.stateOf(own, () => config.encoding.encoder(length));
      markCompressed(stream.response.headers, chosen);
      return undefined;
    },
    responseData(stream, bytes, end) {
      const encoder = encoderOf(stream);
      if (encoder === undefined) return bytes;
      stats.bytesIn.value += bytes.length;
      const made = encode(encoder, bytes, end);
      return made instanceof Promise ? made.then(stats.sent) : stats.sent(made);
    },
    close: (stream) => encoderOf(stream)?.close(),
  };
}

function encode(encoder: Encoder, bytes: Buffer, end: boolean): Buffer | Promise<Buffer> {
  const made = bytes.length === 0 ? bytes : encoder.push(bytes);
  if (!end) return made;
  if (made instanceof Promise) return made.then(async (first) => Buffer.concat([first, await encoder.end()]));
  const last = encoder.end();
  if (last instanceof Promise) return last.then((rest) => Buffer.concat([made, rest]));
  return made.length === 0 ? last : Buffer.concat([made, last]);
}

/** A response's body: its length, infinite where it is not told, and whether it may be compressed. */
function compressibleBody(
  config: CompressorConfig,
  { request, response }: FilterStream,
): { readonly length: number; readonly compressible: boolean; readonly offers: boolean } {
  const { status, headers } = response;
  const get = (name: string): string | undefined => getHeader(headers, name);
  const length = Number(get('content-length') ?? Number.POSITIVE_INFINITY);
  const type = get('content-type')?.split(';')[0]?.trim().toLowerCase();
  // As in Envoy, what does not say what it is may be compressed.
  const offers = type === undefined || config.contentTypes.has(type);
  const hasBody =
    request.method !== 'HEAD' &&
    request.method !== 'CONNECT' &&
    status >= 200 &&
    status !== 204 &&
    status !== 206 &&
    status !== 304;
  const compressible =
    hasBody &&
    offers &&
    length >= config.minLength &&
    get('content-encoding') === undefined &&
    !/\bno-transform\b/i.test(getJoinedHeader(headers, 'cache-control') ?? '') &&
    !(config.sparesEtags && get('etag') !== undefined);
  return { length, compressible, offers };
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
