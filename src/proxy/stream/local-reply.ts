import { grpcStatusOfHttp } from '../../lib/grpc-status-of-http.ts';
import { type Headers, indexOfHeader, setHeader } from '../../wire/headers.ts';
import type { Reply } from './http-filter.ts';

/**
 * An answer of the proxy as a response: for gRPC callers trailers in the place of headers, for others text. `headers`
 * has the reply's own already, as the route changed them, and is completed in place.
 */
export function localReplyHead(
  reply: Reply,
  headers: Headers,
  isGrpc: boolean,
  isHead: boolean,
): { readonly status: number; readonly body: string } {
  if (isGrpc) {
    const status = reply.grpcStatus ?? grpcStatusOfHttp(reply.status);
    setHeader(headers, 'content-length', '0');
    setHeader(headers, 'content-type', 'application/grpc');
    setHeader(headers, 'grpc-status', String(status));
    if (reply.body !== '' && !isHead) setHeader(headers, 'grpc-message', percentEncode(oneLine(reply)));
    return { status: 200, body: '' };
  }
  const empty = mayHaveNoBody(reply.status);
  if (!empty) setHeader(headers, 'content-length', String(reply.body.length));
  if (!empty && reply.body !== '' && reply.contentType !== undefined)
    setHeader(headers, 'content-type', reply.contentType);
  else if (!empty && reply.body !== '' && indexOfHeader(headers, 'content-type', 0) < 0)
    headers.push('content-type', 'text/plain');
  return { status: reply.status, body: isHead || empty ? '' : reply.body };
}

/** JSON is printed with a line end, which a header has no use for. */
function oneLine({ body, contentType }: Reply): string {
  return contentType === 'application/json' ? body.replace(/\n$/, '') : body;
}

function mayHaveNoBody(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}

/** As gRPC writes messages into headers: of their bytes all but printable ASCII is escaped, and so is '%'. */
function percentEncode(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, (part) =>
    Buffer.from(part, 'latin1').toString('hex').toUpperCase().replace(/../g, '%$&'),
  );
}
