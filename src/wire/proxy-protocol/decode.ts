import { formatIpAddress, parseIpAddress } from '../../lib/ip-address.ts';
import { PROXY_V2_SIGNATURE, type ProxiedConnection } from './encode.ts';

/** A type-length-value field of version 2. */
export interface ProxyField {
  readonly type: number;
  readonly value: Uint8Array;
}

/** A header that was there. */
export interface ProxyHeader {
  readonly kind: 'header';
  readonly version: 1 | 2;
  /** Undefined: the sender's own connection (LOCAL), or of a kind that has no IP addresses (UNKNOWN). */
  readonly connection: ProxiedConnection | undefined;
  readonly fields: readonly ProxyField[];
  /** Bytes of the header: the connection's own begin there. */
  readonly length: number;
}

/** `none`: the bytes begin no header. `wrong`: they do, and break its rules. */
export type DecodedProxyHeader =
  | ProxyHeader
  | { readonly kind: 'need-more' | 'none' }
  | { readonly kind: 'wrong'; readonly message: string };

const V1_PREFIX = Buffer.from('PROXY ', 'latin1');
/** Longest line of version 1 with its end. */
const MAX_V1_BYTES = 107;
const V2_FIXED_BYTES = 16;
const STREAM = 1;
const needMore = { kind: 'need-more' } as const;

/** Reads the header at the beginning of a connection, from all bytes so far. */
export function decodeProxyHeader(bytes: Uint8Array): DecodedProxyHeader {
  if (beginsAs(bytes, PROXY_V2_SIGNATURE))
    return bytes.length < V2_FIXED_BYTES
      ? needMore
      : decodeV2(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (beginsAs(bytes, V1_PREFIX)) return bytes.length < V1_PREFIX.length ? needMore : decodeV1(bytes);
  return { kind: 'none' };
}

/** Whether the bytes are a beginning of the pattern, or begin with it. */
function beginsAs(bytes: Uint8Array, pattern: Uint8Array): boolean {
  const length = Math.min(bytes.length, pattern.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== pattern[i]) return false;
  return true;
}

function decodeV1(bytes: Uint8Array): DecodedProxyHeader {
  const end = bytes.indexOf(10);
  if (end < 0 && bytes.length < MAX_V1_BYTES) return needMore;
  if (end < 0 || end >= MAX_V1_BYTES || bytes[end - 1] !== 13)
    return wrong('its line does not end in CR LF in time');
  const line = Buffer.from(bytes.subarray(V1_PREFIX.length, end - 1)).toString('latin1');
  const header = { kind: 'header', version: 1, fields: [], length: end + 1 } as const;
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { ...header, connection: undefined };
  const [family, from = '', to = '', fromPort = '', toPort = '', more] = line.split(' ');
  const size = family === 'TCP4' ? 4 : family === 'TCP6' ? 16 : 0;
  const source = { address: from, port: portOf(fromPort) };
  const destination = { address: to, port: portOf(toPort) };
  const fit = [from, to].every(
    (address) => address.includes(':') === (size === 16) && parseIpAddress(address),
  );
  if (size === 0 || more !== undefined || !fit || source.port < 0 || destination.port < 0)
    return wrong('its line is not made of family, addresses and ports');
  return { ...header, connection: { source, destination } };
}

/** -1 for what is no port. */
function portOf(text: string): number {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
  return port <= 65_535 ? port : -1;
}

function decodeV2(bytes: Buffer): DecodedProxyHeader {
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const [family, transport] = [bytes[13]! >> 4, bytes[13]! & 15];
  if (version !== 2 || command > 1) return wrong('its version or command is unknown');
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (bytes.length < length) return needMore;
  const body = bytes.subarray(V2_FIXED_BYTES, length);
  const header = { kind: 'header', version: 2, length } as const;
  // A LOCAL header's addresses mean nothing, whatever they are.
  if (command === 0) return { ...header, connection: undefined, fields: [] };
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  if (size === 0)
    return family > 3
      ? wrong('its address family is unknown')
      : { ...header, connection: undefined, fields: [] };
  if (transport !== STREAM) return wrong('it is not about a stream');
  const addresses = size * 2 + 4;
  if (body.length < addresses) return wrong('it is too short for its addresses');
  const fields = readFields(body.subarray(addresses));
  if (fields === undefined) return wrong('a field of it is longer than the header');
  const source = { address: formatIpAddress(body.subarray(0, size)), port: body.readUInt16BE(size * 2) };
  const destination = {
    address: formatIpAddress(body.subarray(size, size * 2)),
    port: body.readUInt16BE(size * 2 + 2),
  };
  return { ...header, connection: { source, destination }, fields };
}

function readFields(bytes: Buffer): readonly ProxyField[] | undefined {
  const fields: ProxyField[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 3 > bytes.length) return undefined;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    fields.push({ type: bytes[at]!, value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return fields;
}

function wrong(what: string): DecodedProxyHeader {
  return { kind: 'wrong', message: `the PROXY protocol header is wrong: ${what}` };
}
