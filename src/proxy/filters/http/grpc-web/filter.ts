import { grpcStatusOfHttp } from '../../../../lib/grpc-status-of-http.ts';
import { encodeGrpcMessage } from '../../../../wire/grpc/grpc-message.ts';
import { getHeader, type Headers, removeHeader, setHeader } from '../../../../wire/headers.ts';
import { refuseRest } from '../../../../xds/match/refuse.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { Base64Decoder, FrameEncoder, trailersFrame } from './text.ts';

/**
 * gRPC for browsers, which see no trailers: requests of gRPC-Web go on as gRPC, and of answers the trailers become the
 * last message of the body. The text form is the same in base64. What is no gRPC-Web passes untouched.
 */
export const grpcWebKind: HttpFilterKind = {
  message: 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
  routeMessage: '',
  lower(message, { name, refuse, field }) {
    const { '@type': _type, ...rest } = message;
    refuseRest(refuse, field, rest);
    const filter = makeGrpcWeb();
    return { name, forRoute: () => filter };
  },
  lowerRoute: () => undefined,
};

const BINARY: ReadonlySet<string> = new Set(['application/grpc-web', 'application/grpc-web+proto']);
const TEXT: ReadonlySet<string> = new Set(['application/grpc-web-text', 'application/grpc-web-text+proto']);
/** Of an answer that is no gRPC, this much goes into grpc-message. */
const MAX_MESSAGE_BYTES = 16_384;

interface WebCall {
  readonly decoder: Base64Decoder | undefined;
  readonly encoder: FrameEncoder | undefined;
  /** The answer is no gRPC: its status and the beginning of its body become a status of gRPC. */
  foreign: { readonly status: number; readonly chunks: Buffer[]; bytes: number } | undefined;
}

function makeGrpcWeb(): HttpFilter {
  const own = {};
  const known = (stream: FilterStream): WebCall | undefined => stream.knownState(own);
  return {
    requestHeaders(stream) {
      const type = stream.request.header('content-type') ?? '';
      if (!BINARY.has(type) && !TEXT.has(type)) return undefined;
      const accepts = stream.request.header('accept') ?? '';
      stream.stateOf(
        own,
        (): WebCall => ({
          decoder: TEXT.has(type) ? new Base64Decoder() : undefined,
          encoder: TEXT.has(accepts) ? new FrameEncoder() : undefined,
          foreign: undefined,
        }),
      );
      stream.answersGrpc = false;
      becomeGrpc(stream.request.headers);
      return undefined;
    },
    requestData(stream, bytes, end) {
      const decoder = known(stream)?.decoder;
      return decoder === undefined ? bytes : (decoder.decode(bytes, end) ?? BAD_BASE64);
    },
    responseHeaders(stream) {
      const call = known(stream);
      if (call !== undefined) becomeWeb(stream, call);
      return undefined;
    },
    responseData(stream, bytes, end) {
      const call = known(stream);
      if (call?.foreign !== undefined) return translate(call, call.foreign, bytes, end);
      return call?.encoder?.add(bytes) ?? bytes;
    },
    responseTrailers(stream, trailers) {
      const call = known(stream);
      if (call === undefined) return undefined;
      const frame = trailersFrame(trailers);
      trailers.length = 0;
      return call.foreign === undefined ? asSent(call, frame) : undefined;
    },
  };
}

const BAD_BASE64: Reply = {
  status: 400,
  body: 'Bad gRPC-web request, invalid base64 data.',
  details: 'grpc_base_64_decode_failed',
};

function becomeGrpc(headers: Headers): void {
  removeHeader(headers, 'content-length');
  setHeader(headers, 'content-type', 'application/grpc');
  setHeader(headers, 'te', 'trailers');
  setHeader(headers, 'grpc-accept-encoding', 'identity');
}

function becomeWeb({ response }: FilterStream, call: WebCall): void {
  const { headers, status } = response;
  const isGrpc =
    status === 200 && getHeader(headers, 'content-type')?.startsWith('application/grpc') === true;
  if (!isGrpc && getHeader(headers, 'grpc-status') === undefined) {
    if (response.body === 'none') headers.push('grpc-status', String(grpcStatusOfHttp(status)));
    else call.foreign = { status, chunks: [], bytes: 0 };
  }
  const type = call.encoder === undefined ? 'application/grpc-web+proto' : 'application/grpc-web-text+proto';
  // Trailers make the body longer.
  if (response.body !== 'none') removeHeader(headers, 'content-length');
  setHeader(headers, 'content-type', type);
}

/** Nothing of a foreign answer but its end, which is a status with the beginning of the body as its message. */
function translate(
  call: WebCall,
  foreign: NonNullable<WebCall['foreign']>,
  bytes: Buffer,
  end: boolean,
): Buffer {
  if (foreign.bytes < MAX_MESSAGE_BYTES) foreign.chunks.push(bytes);
  foreign.bytes += bytes.length;
  if (!end) return EMPTY;
  const message = Buffer.concat(foreign.chunks).toString('utf8', 0, MAX_MESSAGE_BYTES);
  const status = ['grpc-status', String(grpcStatusOfHttp(foreign.status))];
  return asSent(call, trailersFrame([...status, 'grpc-message', encodeGrpcMessage(message)]));
}

function asSent({ encoder }: WebCall, frame: Buffer): Buffer {
  return encoder === undefined ? frame : Buffer.from(frame.toString('base64'), 'latin1');
}

const EMPTY = Buffer.alloc(0);
