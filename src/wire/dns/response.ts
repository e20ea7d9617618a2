import { parseIpAddressAsWritten } from '../../lib/ip-address.ts';
import {
  CLASS_IN,
  DNS_RCODES,
  DNS_TYPES,
  type DnsAnswer,
  type DnsQuery,
  type DnsRecord,
  HEADER_BYTES,
  MAX_UDP_BYTES,
} from './message.ts';
import { isWritableName, MessageWriter } from './name.ts';
import { writeEdns } from './query.ts';

const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const CHECKING_DISABLED = 0x0010;
/** A TTL has 31 bits (RFC 2181 §8). */
const MAX_TTL_SECONDS = 0x7fffffff;
const EDNS_BYTES = 11;

/**
 * The bytes of an answer, at most `maxBytes` long (the query's maxUdpBytes over UDP, MAX_TCP_BYTES over TCP). Answers
 * that do not fit are left out and the truncation bit tells the client to ask over TCP; additional records that do not
 * fit are just left out (RFC 2181 §9). A record whose name, target or address cannot be written is left out.
 */
export function buildResponse(query: DnsQuery, answer: DnsAnswer, maxBytes = query.maxUdpBytes): Uint8Array {
  const writer = new MessageWriter(new Uint8Array(HEADER_BYTES));
  writer.raw(query.question);
  if (isWritableName(query.name)) writer.remember(query.name, HEADER_BYTES);
  const room = maxBytes - (query.hasEdns ? EDNS_BYTES : 0);
  const answers = writeSection(writer, answer.answers, room);
  const authority = writeSection(writer, answer.authority ?? [], room);
  const additional = writeSection(writer, answer.additional ?? [], room);
  if (query.hasEdns) writeEdns(writer, MAX_UDP_BYTES, answer.rcode);
  const isTruncated = !answers.whole || !authority.whole;
  writer.setUint16(0, query.id);
  writer.setUint16(2, flagsOf(query, answer, isTruncated));
  writer.setUint16(4, 1);
  writer.setUint16(6, answers.count);
  writer.setUint16(8, authority.count);
  writer.setUint16(10, additional.count + (query.hasEdns ? 1 : 0));
  return writer.finish();
}

function flagsOf(query: DnsQuery, answer: DnsAnswer, isTruncated: boolean): number {
  return (
    RESPONSE |
    (answer.authoritative ? AUTHORITATIVE : 0) |
    (isTruncated ? TRUNCATED : 0) |
    (query.recursionDesired ? RECURSION_DESIRED : 0) |
    (answer.recursionAvailable ? RECURSION_AVAILABLE : 0) |
    (query.checkingDisabled ? CHECKING_DISABLED : 0) |
    (DNS_RCODES[answer.rcode] & 15)
  );
}

function writeSection(
  writer: MessageWriter,
  records: readonly DnsRecord[],
  room: number,
): { count: number; whole: boolean } {
  let count = 0;
  for (const record of records) {
    const before = writer.length;
    if (before >= room) return { count, whole: false };
    if (!writeRecord(writer, record)) continue;
    if (writer.length > room) {
      writer.truncate(before);
      return { count, whole: false };
    }
    count++;
  }
  return { count, whole: true };
}

/** False when the record cannot be written; nothing was then. */
function writeRecord(writer: MessageWriter, record: DnsRecord): boolean {
  if (!isWritableRecord(record)) return false;
  writer.name(record.name);
  writer.uint16(DNS_TYPES[record.type]);
  writer.uint16(CLASS_IN);
  writer.uint32(Math.min(Math.max(0, Math.trunc(record.ttlSeconds)), MAX_TTL_SECONDS));
  const lengthAt = writer.length;
  writer.uint16(0);
  writeData(writer, record);
  writer.setUint16(lengthAt, writer.length - lengthAt - 2);
  return true;
}

function isWritableRecord(record: DnsRecord): boolean {
  if (!isWritableName(record.name)) return false;
  switch (record.type) {
    case 'A':
      return parseIpAddressAsWritten(record.address)?.length === 4;
    case 'AAAA':
      return parseIpAddressAsWritten(record.address)?.length === 16;
    case 'SOA':
      return isWritableName(record.server) && isWritableName(record.mailbox);
    default:
      return isWritableName(record.target);
  }
}

function writeData(writer: MessageWriter, record: DnsRecord): void {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      writer.raw(parseIpAddressAsWritten(record.address) ?? []);
      return;
    case 'SRV':
      writer.uint16(record.priority);
      writer.uint16(record.weight);
      writer.uint16(record.port);
      writer.name(record.target, false);
      return;
    case 'SOA':
      writer.name(record.server);
      writer.name(record.mailbox);
      // Refresh, retry and expire are for secondary servers, of which there are none.
      for (const value of [record.serial, 3600, 600, 86_400, record.ttlSeconds]) writer.uint32(value);
      return;
    default:
      writer.name(record.target);
  }
}
