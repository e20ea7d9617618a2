import { createHash } from 'node:crypto';

// WebSocket over HTTP/2 (RFC 8441) has no key and no answer to it; over HTTP/1 (RFC 6455) both are demanded. Where the
// two sides differ the proxy gives what is missing.

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2). */
export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`, 'latin1').digest('base64');
}
