import { fail, ok, type Result } from '../../lib/result.ts';
import {
  CLASS_IN,
  DNS_RCODES,
  DNS_TYPES,
  type DnsError,
  type DnsQuery,
  type DnsRcode,
  HEADER_BYTES,
  MAX_UDP_BYTES,
  MIN_UDP_BYTES,
} from './message.ts';
import { isWritableName, MessageWriter, readName } from './name.ts';

const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const RECURSION_DESIRED = 0x0100;
const CHECKING_DISABLED = 0x0010;

/** Reads a client's message. */
export function parseQuery(message: Uint8Array): Result<DnsQuery, DnsError> {
  if (message.length < HEADER_BYTES)
    return fail(problem('too_short', 'The message has no whole header.', undefined));
  const flags = uint16(message, 2);
  // A reply to a reply could go back and forth between two servers for ever.
  if ((flags & RESPONSE) !== 0) return fail(problem('not_a_query', 'The message is a response.', undefined));
  if ((flags & OPCODE) !== 0)
    return fail(
      problem('not_implemented', 'Only standard queries are answered.', shortReply(message, 'NOTIMP')),
    );
  const edns = { size: undefined as number | undefined, version: 0 };
  const question = readQuestion(message);
  if (question === undefined || !readEdns(message, question.end, edns))
    return fail(
      problem('format_error', 'The message cannot be read (RFC 1035 §4).', shortReply(message, 'FORMERR')),
    );
  if (edns.version !== 0)
    return fail(problem('bad_version', 'Only EDNS version 0 is known.', shortReply(message, 'BADVERS')));
  return ok({
    id: uint16(message, 0),
    name: question.name,
    type: uint16(message, question.end - 4),
    class: uint16(message, question.end - 2),
    recursionDesired: (flags & RECURSION_DESIRED) !== 0,
    checkingDisabled: (flags & CHECKING_DISABLED) !== 0,
    maxUdpBytes: Math.min(Math.max(edns.size ?? MIN_UDP_BYTES, MIN_UDP_BYTES), MAX_UDP_BYTES),
    hasEdns: edns.size !== undefined,
    question: message.slice(HEADER_BYTES, question.end),
  });
}

/** Writes a query with recursion desired, and EDNS unless `maxUdpBytes` is 512; undefined for a name that cannot be written. */
export function buildQuery(
  id: number,
  name: string,
  type: number,
  maxUdpBytes = MIN_UDP_BYTES,
): Uint8Array | undefined {
  if (!isWritableName(name)) return undefined;
  const hasEdns = maxUdpBytes > MIN_UDP_BYTES;
  const writer = new MessageWriter([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, hasEdns ? 1 : 0]);
  writer.name(name);
  writer.uint16(type);
  writer.uint16(CLASS_IN);
  if (hasEdns) writeEdns(writer, maxUdpBytes, 'NOERROR');
  return writer.finish();
}

/** The OPT record (RFC 6891 §6.1.2): our size in place of the class, the upper bits of the code in the TTL. */
export function writeEdns(writer: MessageWriter, maxUdpBytes: number, rcode: DnsRcode): void {
  writer.uint8(0);
  writer.uint16(DNS_TYPES.OPT);
  writer.uint16(maxUdpBytes);
  writer.uint8(DNS_RCODES[rcode] >> 4);
  writer.raw([0, 0, 0, 0, 0]);
}

/** Exactly one question, without compression (there is nothing before it to point to). */
function readQuestion(message: Uint8Array): { name: string; end: number } | undefined {
  const name = uint16(message, 4) === 1 ? readName(message, HEADER_BYTES, HEADER_BYTES) : undefined;
  if (name === undefined || name.end + 4 > message.length) return undefined;
  return { name: name.name, end: name.end + 4 };
}

/** Walks the records after the question for OPT; false when they are broken or there are two of it. */
function readEdns(
  message: Uint8Array,
  from: number,
  edns: { size: number | undefined; version: number },
): boolean {
  let at = from;
  const count = uint16(message, 6) + uint16(message, 8) + uint16(message, 10);
  for (let i = 0; i < count; i++) {
    const name = readName(message, at);
    if (name === undefined || name.end + 10 > message.length) return false;
    const end = name.end + 10 + uint16(message, name.end + 8);
    if (end > message.length) return false;
    if (uint16(message, name.end) === DNS_TYPES.OPT) {
      if (edns.size !== undefined || name.name !== '') return false;
      edns.size = uint16(message, name.end + 2);
      edns.version = message[name.end + 5] as number;
    }
    at = end;
  }
  return true;
}

/** A reply of header only (with OPT for BADVERS, whose code needs its bits). */
function shortReply(message: Uint8Array, rcode: DnsRcode): Uint8Array {
  const flags = RESPONSE | (uint16(message, 2) & (OPCODE | RECURSION_DESIRED)) | (DNS_RCODES[rcode] & 15);
  const writer = new MessageWriter([message[0] as number, message[1] as number, flags >> 8, flags & 255]);
  const hasEdns = DNS_RCODES[rcode] > 15;
  writer.raw([0, 0, 0, 0, 0, 0, 0, hasEdns ? 1 : 0]);
  if (hasEdns) writeEdns(writer, MAX_UDP_BYTES, rcode);
  return writer.finish();
}

function problem(code: DnsError['code'], message: string, reply: Uint8Array | undefined): DnsError {
  return { code, message, reply };
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
