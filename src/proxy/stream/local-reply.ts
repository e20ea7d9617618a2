import type { Headers } from '../../wire/headers.ts';
import type { Reply } from './http-filter.ts';

/** gRPC status for an HTTP status (Envoy's httpToGrpcStatus, from gRPC's http-grpc-status-mapping). */
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

/** An answer of the proxy as a response: for gRPC callers trailers in the place of headers, for others text. */
export function localReplyHead(
  reply: Reply,
  isGrpc: boolean,
  isHead: boolean,
): { readonly status: number; readonly headers: Headers; readonly body: string } {
  const headers: Headers = [];
  if (isGrpc) {
    const status = reply.grpcStatus ?? GRPC_STATUS[reply.status] ?? 2;
    headers.push('content-length', '0', 'content-type', 'application/grpc', 'grpc-status', String(status));
    if (reply.body !== '') headers.push('grpc-message', percentEncode(reply.body));
    return { status: 200, headers: [...headers, ...(reply.headers ?? [])], body: '' };
  }
  if (reply.body !== '' && !mayHaveNoBody(reply.status)) {
    headers.push('content-length', String(reply.body.length), 'content-type', 'text/plain');
  } else if (!mayHaveNoBody(reply.status)) headers.push('content-length', '0');
  const merged = reply.headers === undefined ? headers : mergeHeaders(headers, reply.headers);
  return {
    status: reply.status,
    headers: merged,
    body: isHead || mayHaveNoBody(reply.status) ? '' : reply.body,
  };
}

function mayHaveNoBody(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}

/** The reply's own headers replace ours of the same name. */
function mergeHeaders(ours: Headers, theirs: Headers): Headers {
  const names = new Set(theirs.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  const kept = ours.filter((_, i) => !names.has(ours[i - (i % 2)] as string));
  return [...kept, ...theirs];
}

/** As gRPC writes messages into headers: everything but printable ASCII is escaped, and so is '%'. */
function percentEncode(text: string): string {
  return text.replace(
    /[^\x20-\x24\x26-\x7e]/g,
    (c) => `%${(c.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
