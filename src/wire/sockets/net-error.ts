import type { NetError, NetErrorCode, Side } from '../connection.ts';

// The system's and OpenSSL's many error codes as weft's few.

const CODES: Readonly<Record<string, NetErrorCode>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  ECONNABORTED: 'connection_reset',
  EPIPE: 'connection_reset',
  ETIMEDOUT: 'connect_timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENOENT: 'unreachable', // a Unix socket that is not there
  ENOTFOUND: 'name_not_found',
  EAI_AGAIN: 'name_not_found',
  EADDRINUSE: 'address_in_use',
  EADDRNOTAVAIL: 'address_not_available',
  EACCES: 'permission_denied',
  EPERM: 'permission_denied',
  EMFILE: 'too_many_files',
  ENFILE: 'too_many_files',
};

/** Makes the value; `cause` is the system's code. */
export function netError(
  code: NetErrorCode,
  side: Side,
  retryable: boolean,
  message: string,
  cause = '',
): NetError {
  return { code, side, retryable, message, cause };
}

/** What a socket's error event means. `doing` starts the sentence: 'Connecting to 10.0.0.1:80'. */
export function fromSystemError(error: unknown, side: Side, retryable: boolean, doing: string): NetError {
  const cause = codeOf(error);
  const code = CODES[cause] ?? (isTlsCode(cause) ? 'tls_protocol' : 'other');
  return netError(code, side, retryable, `${doing} failed: ${describe(code, cause)}.`, cause);
}

/** The `code` of a Node error, '' when it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function isTlsCode(cause: string): boolean {
  return cause.startsWith('ERR_SSL_') || cause.startsWith('ERR_TLS_') || cause === 'EPROTO';
}

const SENTENCES: Readonly<Partial<Record<NetErrorCode, string>>> = {
  connection_refused: 'nothing listens there',
  connection_reset: 'the peer closed the connection without warning',
  connect_timeout: 'there was no answer in time',
  unreachable: 'there is no way to that address',
  name_not_found: 'the name has no address',
  address_in_use: 'the address is already in use',
  address_not_available: 'the address is not one of this machine',
  permission_denied: 'the system does not permit it',
  too_many_files: 'the limit of open files is reached',
  tls_protocol: 'the TLS handshake or record was not valid',
};

function describe(code: NetErrorCode, cause: string): string {
  const sentence = SENTENCES[code] ?? 'the system reported an error';
  return cause === '' ? sentence : `${sentence} (${cause})`;
}
