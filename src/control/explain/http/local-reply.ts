import { type Headers, isGrpc, type Request, type Response } from './request.ts';

/** gRPC status for an HTTP status (gRPC's http-grpc-status-mapping). */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

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
    ['grpc-status', String(GRPC_STATUS[status] ?? 2)],
    ...(body === '' ? [] : [['grpc-message', body] as const]),
  ];
  return { status: 200, headers: [...grpc, ...headers], body: '', details };
}
