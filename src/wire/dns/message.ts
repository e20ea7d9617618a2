// DNS messages (RFC 1035, RFC 2782, RFC 6891) without I/O. In: a datagram (or a TCP message without its length). Out:
// the question, or an error that may carry the reply to send; and, the other way, the bytes of an answer. Called by
// the proxy's DNS listener for names of the mesh; names it does not know are relayed as the bytes they came in.
// Never happens: a throw; a compression pointer followed forwards or for ever; a reply to a reply.
//
//   name.ts      names <-> labels, compression      query.ts     reading and writing questions
//   response.ts  writing answers                    answer.ts    reading answers (clients and tests)
//   reverse.ts   addresses <-> names under in-addr.arpa and ip6.arpa

/** Record types by name. */
export const DNS_TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;

/** The Internet class. */
export const CLASS_IN = 1;

/** Response codes by name. */
export const DNS_RCODES = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

/** A response code's name. */
export type DnsRcode = keyof typeof DNS_RCODES;

/** Largest response to a client without EDNS (RFC 1035 §4.2.1). */
export const MIN_UDP_BYTES = 512;
/** Largest response over UDP whatever the client says, and what we say we take. */
export const MAX_UDP_BYTES = 4096;
/** Largest message over TCP. */
export const MAX_TCP_BYTES = 65_535;
export const HEADER_BYTES = 12;

/** One question from a client. */
export interface DnsQuery {
  readonly id: number;
  /** Lower case, without the dot at the end; '' is the root. Bytes that are no plain label text are escaped (\046). */
  readonly name: string;
  /** See DNS_TYPES. */
  readonly type: number;
  readonly class: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** Largest UDP response the client takes, between MIN_UDP_BYTES and MAX_UDP_BYTES. */
  readonly maxUdpBytes: number;
  /** The client speaks EDNS: the answer must too (RFC 6891 §6.1.1). */
  readonly hasEdns: boolean;
  /** The question as sent, for the answer: some clients check its upper and lower case. */
  readonly question: Uint8Array;
}

/** A record of an answer. TTLs in seconds; names without the dot at the end. */
export type DnsRecord =
  | {
      readonly type: 'A' | 'AAAA';
      readonly name: string;
      readonly ttlSeconds: number;
      readonly address: string;
    }
  | {
      readonly type: 'PTR' | 'CNAME';
      readonly name: string;
      readonly ttlSeconds: number;
      readonly target: string;
    }
  | {
      readonly type: 'SRV';
      readonly name: string;
      readonly ttlSeconds: number;
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | DnsSoa;

/** The start of a zone; in a negative answer it says how long to believe it (RFC 2308 §3). */
export interface DnsSoa {
  readonly type: 'SOA';
  readonly name: string;
  /** TTL of the record and its minimum field: how long "no" may be cached. */
  readonly ttlSeconds: number;
  readonly server: string;
  readonly mailbox: string;
  readonly serial: number;
}

/** What to answer. NXDOMAIN: no such name; NOERROR without answers: the name has no record of that type. */
export interface DnsAnswer {
  readonly rcode: DnsRcode;
  readonly answers: readonly DnsRecord[];
  /** SOA of the zone for negative answers. */
  readonly authority?: readonly DnsRecord[];
  /** Addresses of SRV targets. */
  readonly additional?: readonly DnsRecord[];
  /** We are the source of this data. */
  readonly authoritative: boolean;
  /** We also resolve names that are not ours. */
  readonly recursionAvailable: boolean;
}

/** What is wrong with a message. */
export interface DnsError {
  readonly code: 'too_short' | 'not_a_query' | 'not_implemented' | 'format_error' | 'bad_version';
  /** A sentence for the person who reads the log. */
  readonly message: string;
  /** The reply to send, undefined when silence is right. */
  readonly reply: Uint8Array | undefined;
}
