import { grpcStatusOfHttp } from '../../../lib/grpc-status-of-http.ts';
import { type Headers, isGrpc, type Request, type Response } from './request.ts';

/** An answer of a proxy itself; callers of gRPC get it as gRPC says errors. */
export function localReply(
  request: Request,
  status: number,
  body: string,
  details: string,
  headers: Headers = [],
): Response {
  if (!isGrpc(request)) {
    const typed: Headers = body === '' ? [] : [['content-type', 'text/plain']];
    const own = typed.filter(([name]) => !headers.some(([other]) => other === name));
    return { status, headers: [...own, ...headers], body: request.method === 'HEAD' ? '' : body, details };
  }
  const grpc: Headers = [
    ['content-type', 'application/grpc'],
    ['grpc-status', String(grpcStatusOfHttp(status))],
    ...(body === '' ? [] : [['grpc-message', body] as const]),
  ];
  return { status: 200, headers: [...grpc, ...headers], body: '', details };
}
