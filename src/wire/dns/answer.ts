import { formatIpAddress } from '../../lib/ip-address.ts';
import { CLASS_IN, DNS_RCODES, DNS_TYPES, type DnsRcode, type DnsRecord, HEADER_BYTES } from './message.ts';
import { type ReadName, readName } from './name.ts';

/** A response as a client reads it. Records of types that are not known here are left out. */
export interface ReadAnswer {
  readonly id: number;
  /** The question's name and type, to be compared with what was asked. */
  readonly name: string;
  readonly type: number;
  /** Undefined for codes without a name here. */
  readonly rcode: DnsRcode | undefined;
  readonly authoritative: boolean;
  /** Ask again over TCP. */
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

/** Reads a response; undefined when it is none or broken anywhere. */
export function parseResponse(message: Uint8Array): ReadAnswer | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = uint16(message, 2);
  const name = uint16(message, 4) === 1 ? readName(message, HEADER_BYTES) : undefined;
  if ((flags & 0x8000) === 0 || name === undefined || name.end + 4 > message.length) return undefined;
  const reader = new RecordReader(message, name.end + 4);
  const answers = reader.section(uint16(message, 6));
  const authority = reader.section(uint16(message, 8));
  const additional = reader.section(uint16(message, 10));
  if (reader.failed) return undefined;
  const code = (flags & 15) | (reader.extendedRcode << 4);
  return {
    id: uint16(message, 0),
    name: name.name,
    type: uint16(message, name.end),
    rcode: (Object.keys(DNS_RCODES) as DnsRcode[]).find((rcode) => DNS_RCODES[rcode] === code),
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    answers,
    authority,
    additional,
  };
}

class RecordReader {
  failed = false;
  extendedRcode = 0;
  #at: number;
  readonly #message: Uint8Array;

  constructor(message: Uint8Array, at: number) {
    this.#message = message;
    this.#at = at;
  }

  section(count: number): DnsRecord[] {
    const records: DnsRecord[] = [];
    for (let i = 0; i < count && !this.failed; i++) {
      const record = this.#record();
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #record(): DnsRecord | undefined {
    const message = this.#message;
    const name = readName(message, this.#at);
    const dataAt = (name?.end ?? 0) + 10;
    const dataEnd = dataAt + (dataAt <= message.length ? uint16(message, dataAt - 2) : 0);
    if (name === undefined || dataAt > message.length || dataEnd > message.length) {
      this.failed = true;
      return undefined;
    }
    this.#at = dataEnd;
    const type = uint16(message, name.end);
    if (type === DNS_TYPES.OPT) this.extendedRcode = message[name.end + 4] as number;
    return uint16(message, name.end + 2) === CLASS_IN ? this.#data(type, name, dataAt, dataEnd) : undefined;
  }

  #data(type: number, name: ReadName, from: number, to: number): DnsRecord | undefined {
    const owner = { name: name.name, ttlSeconds: uint32(this.#message, name.end + 4) };
    switch (type) {
      case DNS_TYPES.A:
      case DNS_TYPES.AAAA: {
        const address = this.#message.subarray(from, to);
        if (address.length !== (type === DNS_TYPES.A ? 4 : 16)) return this.#fail();
        return { type: type === DNS_TYPES.A ? 'A' : 'AAAA', ...owner, address: formatIpAddress(address) };
      }
      case DNS_TYPES.CNAME:
      case DNS_TYPES.PTR: {
        const target = this.#name(from, to);
        return target && { type: type === DNS_TYPES.PTR ? 'PTR' : 'CNAME', ...owner, target: target.name };
      }
      case DNS_TYPES.SRV:
        return this.#srv(owner, from, to);
      case DNS_TYPES.SOA:
        return this.#soa(owner, from, to);
      default:
        return undefined;
    }
  }

  #srv(owner: { name: string; ttlSeconds: number }, from: number, to: number): DnsRecord | undefined {
    const target = to - from > 6 ? this.#name(from + 6, to) : this.#fail();
    if (target === undefined) return undefined;
    const [priority, weight, port] = [0, 2, 4].map((offset) => uint16(this.#message, from + offset));
    return {
      type: 'SRV',
      ...owner,
      priority: priority ?? 0,
      weight: weight ?? 0,
      port: port ?? 0,
      target: target.name,
    };
  }

  #soa(owner: { name: string; ttlSeconds: number }, from: number, to: number): DnsRecord | undefined {
    const server = readName(this.#message, from);
    const mailbox = server && readName(this.#message, server.end);
    if (server === undefined || mailbox === undefined || mailbox.end + 20 !== to) return this.#fail();
    const serial = uint32(this.#message, mailbox.end);
    return { type: 'SOA', ...owner, server: server.name, mailbox: mailbox.name, serial };
  }

  /** A name that fills `from` to `to`. */
  #name(from: number, to: number): ReadName | undefined {
    const name = readName(this.#message, from);
    return name?.end === to ? name : this.#fail();
  }

  #fail(): undefined {
    this.failed = true;
    return undefined;
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 65_536 + uint16(bytes, at + 2);
}
