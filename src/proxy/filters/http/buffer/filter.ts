import { getHeader } from '../../../../wire/headers.ts';
import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterKind,
  MessageContext,
  Reply,
} from '../../../stream/http-filter.ts';
import { REPLIES } from '../../../stream/replies.ts';

/** What a route says: another limit, or no buffering at all. */
interface BufferRouteConfig {
  /** 0: the filter does nothing there. */
  readonly maxBytes: number;
}

/** Waits for whole requests before anything of them goes on; longer ones are answered with 413. */
export const bufferKind: HttpFilterKind = {
  message: 'envoy.extensions.filters.http.buffer.v3.Buffer',
  routeMessage: 'envoy.extensions.filters.http.buffer.v3.BufferPerRoute',
  lower(message, context) {
    const own = readMaxBytes(message, context);
    return {
      name: context.name,
      forRoute: (overrides) => makeBuffer((overrides[0] as BufferRouteConfig | undefined)?.maxBytes ?? own),
    };
  },
  lowerRoute(message, context): BufferRouteConfig {
    const { '@type': _type, disabled, buffer, ...rest } = message;
    refuseRest(context.refuse, context.field, rest);
    if (disabled === true) return { maxBytes: 0 };
    const inner = { '@type': '', ...(buffer as object | undefined) };
    return { maxBytes: readMaxBytes(inner, { ...context, field: fieldIn(context.field, 'buffer') }) };
  },
};

function readMaxBytes(message: AnyMessage, { refuse, field }: MessageContext): number {
  const { '@type': _type, max_request_bytes = 0, ...rest } = message;
  refuseRest(refuse, field, rest);
  const maxBytes = Number(max_request_bytes);
  if (!(maxBytes > 0)) refuse(fieldIn(field, 'max_request_bytes'), 'is missing or not greater than 0');
  return maxBytes;
}

function makeBuffer(maxBytes: number): HttpFilter | undefined {
  if (maxBytes === 0) return undefined;
  return {
    requestHeaders: (stream) => (stream.requestBody === 'none' ? undefined : buffer(stream, maxBytes)),
  };
}

async function buffer(stream: FilterStream, maxBytes: number): Promise<Reply | undefined> {
  const { bytes, complete } = await stream.readBody(maxBytes);
  if (!complete) return REPLIES.tooLarge;
  const { headers } = stream.request;
  if (getHeader(headers, 'content-length') === undefined)
    headers.push('content-length', String(bytes.length));
  return undefined;
}
