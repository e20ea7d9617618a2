import { grpcStatusOfHttp } from '../../lib/grpc-status-of-http.ts';
import type { Headers } from '../headers.ts';
import { getHeader } from '../headers.ts';
import type { ResponseHead } from '../http2/head.ts';
import type { StreamEnd } from '../http2/http2-error.ts';
import { ERROR_CODE, errorName } from '../http2/protocol.ts';
import { decodeGrpcMessage } from './grpc-message.ts';
import { receivedMetadata } from './metadata.ts';
import type { GrpcStatus } from './status.ts';
import { GRPC_CODE, grpcCodeName, localStatus } from './status.ts';

const HTTP2_CODES: ReadonlyMap<number, number> = new Map([
  [ERROR_CODE.REFUSED_STREAM, GRPC_CODE.UNAVAILABLE],
  [ERROR_CODE.CANCEL, GRPC_CODE.CANCELLED],
  [ERROR_CODE.ENHANCE_YOUR_CALM, GRPC_CODE.RESOURCE_EXHAUSTED],
  [ERROR_CODE.INADEQUATE_SECURITY, GRPC_CODE.PERMISSION_DENIED],
]);

/** The status in trailers, or in a head that is all there is; undefined where there is no `grpc-status`. */
export function statusInTrailers(trailers: Headers): GrpcStatus | undefined {
  let code = -1;
  let message = '';
  for (let i = 0; i < trailers.length; i += 2) {
    const value = trailers[i + 1] as string;
    if (trailers[i] === 'grpc-status') code = /^\d{1,9}$/.test(value) ? Number(value) : GRPC_CODE.UNKNOWN;
    else if (trailers[i] === 'grpc-message') message = decodeGrpcMessage(value);
  }
  if (code < 0) return undefined;
  if (code === GRPC_CODE.OK) message = '';
  else if (message === '') message = `The server answered ${grpcCodeName(code)}.`;
  return { code, message, trailers: receivedMetadata(trailers) };
}

/** The status of a call whose stream ended without one. */
export function statusOfStreamEnd(end: StreamEnd): GrpcStatus {
  if (end.by === 'connection') return localStatus(GRPC_CODE.UNAVAILABLE, end.message);
  if (end.by === 'both') return noStatus();
  if (end.by === 'local')
    return localStatus(
      GRPC_CODE.INTERNAL,
      end.message || `The stream was reset with ${errorName(end.errorCode)}.`,
    );
  return localStatus(HTTP2_CODES.get(end.errorCode) ?? GRPC_CODE.INTERNAL, end.message);
}

/** What is wrong with a head that should begin a gRPC response. */
export function faultOfHead(head: ResponseHead): GrpcStatus | undefined {
  if (head.status !== 200)
    return localStatus(grpcStatusOfHttp(head.status), `The server answered with HTTP status ${head.status}.`);
  const contentType = getHeader(head.headers, 'content-type') ?? '';
  if (contentType.startsWith('application/grpc')) return undefined;
  return localStatus(
    GRPC_CODE.UNKNOWN,
    `The server answered with content type '${contentType.slice(0, 80)}'.`,
  );
}

/** The status of a call that ended in order but for its status. */
export function noStatus(): GrpcStatus {
  return localStatus(GRPC_CODE.UNKNOWN, 'The server ended the call without a status.');
}
