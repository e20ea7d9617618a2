import { parseIpAddress } from '../../lib/ip-address.ts';
import { CLASS_IN, DNS_TYPES, type DnsAnswer, type DnsQuery } from '../../wire/dns/message.ts';
import { type DnsRecord, type DnsTable, lookUp } from './dns-table.ts';

/** How long a "no such name" may be believed, in seconds: a service may be added any moment. */
const negativeTtlSeconds = 5;

/**
 * What the table says to a question; undefined where it does not know the name and somebody else may. A known name
 * without an address of the asked family is an empty answer, not "no such name" (RFC 2308 §2.2).
 */
export function answerFrom(table: DnsTable, query: DnsQuery): DnsAnswer | undefined {
  const record = query.class === CLASS_IN ? lookUp(table, query.name) : undefined;
  return record && answerOf(record, query);
}

/** What a record says to a question for its name. */
export function answerOf(record: DnsRecord, query: DnsQuery): DnsAnswer {
  const types = [DNS_TYPES.A, DNS_TYPES.AAAA].filter(
    (type) => type === query.type || query.type === DNS_TYPES.ANY,
  );
  const answers = types.flatMap((type) =>
    record.addresses
      .filter((address) => familyOf(address) === type)
      .map((address) => ({
        type: type === DNS_TYPES.A ? ('A' as const) : ('AAAA' as const),
        name: query.name,
        ttlSeconds: record.ttlSeconds,
        address,
      })),
  );
  return {
    rcode: 'NOERROR',
    answers,
    authoritative: true,
    recursionAvailable: true,
    authority: soa(query.name, answers.length),
  };
}

/** The answer where nobody knows the name. */
export function noSuchName(query: DnsQuery): DnsAnswer {
  return {
    rcode: 'NXDOMAIN',
    answers: [],
    authoritative: true,
    recursionAvailable: true,
    authority: soa(query.name, 0),
  };
}

/** The answer where an upstream resolver did not answer in time. */
export const serverFailed: DnsAnswer = {
  rcode: 'SERVFAIL',
  answers: [],
  authoritative: false,
  recursionAvailable: true,
};

/** Negative answers say how long they hold; others need no authority. */
function soa(name: string, answers: number): NonNullable<DnsAnswer['authority']> {
  if (answers > 0) return [];
  const zone = name.split('.').slice(-2).join('.');
  const server = `ns.${zone}`;
  return [
    {
      type: 'SOA',
      name: zone,
      ttlSeconds: negativeTtlSeconds,
      server,
      mailbox: `hostmaster.${zone}`,
      serial: 1,
    },
  ];
}

function familyOf(address: string): number {
  return parseIpAddress(address)?.length === 16 ? DNS_TYPES.AAAA : DNS_TYPES.A;
}
