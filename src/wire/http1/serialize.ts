import type { Headers } from '../headers.ts';

// Heads, chunks and trailers as latin1 strings, each one write. Names and values are written as they are: the parser
// has let no CR, LF or NUL in, and whoever adds a field from elsewhere checks it with isFieldValue().

/** The fields that belong to this connection alone; the rest of the head is passed on. Absent: length or no body. */
export interface HopFields {
  /** The body follows in chunks. */
  readonly chunked?: boolean;
  /** There is no body, and that has to be said. */
  readonly empty?: boolean;
  readonly connection?: 'close' | 'keep-alive' | 'upgrade';
  /** With connection `upgrade`: the protocols. */
  readonly upgrade?: string;
}

const NO_HOP_FIELDS: HopFields = {};

/** A request's head. `headers` are without hop-by-hop fields (removeHopByHop) and with host; `target` is as sent. */
export function requestHead(
  method: string,
  target: string,
  headers: Headers,
  hop: HopFields = NO_HOP_FIELDS,
): string {
  return `${method} ${target} HTTP/1.1\r\n${fieldLines(headers)}${hopLines(hop)}\r\n`;
}

/** A response's head; an empty `reason` is looked up. `old`: to an HTTP/1.0 client, in its version. */
export function responseHead(
  status: number,
  reason: string,
  headers: Headers,
  hop: HopFields = NO_HOP_FIELDS,
  old = false,
): string {
  const phrase = reason === '' ? reasonPhrase(status) : reason;
  return `${old ? 'HTTP/1.0' : 'HTTP/1.1'} ${status} ${phrase}\r\n${fieldLines(headers)}${hopLines(hop)}\r\n`;
}

/** What the server sends when a client waits with its body (RFC 9110 §15.2.1). */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** Comes before a chunk's `length` (over 0) bytes; CHUNK_END comes after them. */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** Ends a chunk. */
export const CHUNK_END = '\r\n';

/** Ends a chunked body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** Ends a chunked body with trailers. */
export function lastChunk(trailers: Headers | undefined): string {
  return trailers === undefined ? LAST_CHUNK : `0\r\n${fieldLines(trailers)}\r\n`;
}

function fieldLines(headers: Headers): string {
  let lines = '';
  for (let i = 0; i < headers.length; i += 2) lines += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return lines;
}

function hopLines(hop: HopFields): string {
  let lines = hop.chunked ? 'transfer-encoding: chunked\r\n' : hop.empty ? 'content-length: 0\r\n' : '';
  if (hop.connection !== undefined) lines += `connection: ${hop.connection}\r\n`;
  if (hop.upgrade !== undefined) lines += `upgrade: ${hop.upgrade}\r\n`;
  return lines;
}

/** The phrase registered for a status, `Unknown` for others. */
export function reasonPhrase(status: number): string {
  return PHRASES[status] ?? 'Unknown';
}

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  207: 'Multi-Status',
  208: 'Already Reported',
  226: 'IM Used',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  305: 'Use Proxy',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Entity',
  423: 'Locked',
  424: 'Failed Dependency',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  506: 'Variant Also Negotiates',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
  510: 'Not Extended',
  511: 'Network Authentication Required',
};
