const UNRESERVED_FROM = 0x20;
const UNRESERVED_TO = 0x7e;
const PERCENT = 0x25;
const utf8 = new TextDecoder();

/** A status message as `grpc-message`: UTF-8, with everything but printable ASCII, and %, percent-coded. */
export function encodeGrpcMessage(message: string): string {
  let coded = '';
  for (const octet of new TextEncoder().encode(message)) {
    const plain = octet >= UNRESERVED_FROM && octet <= UNRESERVED_TO && octet !== PERCENT;
    coded += plain ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return coded;
}

/** The other way. Broken codes stay as they are, broken UTF-8 becomes U+FFFD: a status is never lost over its message. */
export function decodeGrpcMessage(coded: string): string {
  const octets: number[] = [];
  for (let i = 0; i < coded.length; i++) {
    const code = coded[i] === '%' ? coded.slice(i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(code)) {
      octets.push(Number.parseInt(code, 16));
      i += 2;
    } else octets.push(coded.charCodeAt(i) & 0xff);
  }
  return utf8.decode(Uint8Array.from(octets));
}
