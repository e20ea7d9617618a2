import { Resolver } from 'node:dns/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { network } from '../net.ts';
import { parseResponse } from './answer.ts';
import { DNS_TYPES, type DnsAnswer, type DnsQuery, type DnsRecord, MAX_TCP_BYTES } from './message.ts';
import { isWritableName, readName } from './name.ts';
import { buildQuery, parseQuery } from './query.ts';
import { buildResponse } from './response.ts';
import { addressOfReverseName, reverseNameOf } from './reverse.ts';

function written(...question: Parameters<typeof buildQuery>): Uint8Array {
  const bytes = buildQuery(...question);
  if (bytes === undefined) throw new Error('no query');
  return bytes;
}

function query(name: string, type: number = DNS_TYPES.A, maxUdpBytes = 512): DnsQuery {
  const result = parseQuery(written(7, name, type, maxUdpBytes));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function positive(answers: readonly DnsRecord[], additional: readonly DnsRecord[] = []): DnsAnswer {
  return { rcode: 'NOERROR', answers, additional, authoritative: true, recursionAvailable: true };
}

const zone: DnsRecord = {
  type: 'SOA',
  name: 'cluster.local',
  ttlSeconds: 5,
  server: 'ns.cluster.local',
  mailbox: 'nobody.cluster.local',
  serial: 3,
};

describe('a query', () => {
  it('tells its question, in lower case, and what the client takes', () => {
    expect(query('Reviews.Default.svc.cluster.LOCAL', DNS_TYPES.AAAA, 1232)).toMatchObject({
      id: 7,
      name: 'reviews.default.svc.cluster.local',
      type: 28,
      class: 1,
      recursionDesired: true,
      maxUdpBytes: 1232,
      hasEdns: true,
    });
    expect(query('a')).toMatchObject({ maxUdpBytes: 512, hasEdns: false });
    expect(query('a', 1, 65_535).maxUdpBytes).toBe(4096);
    expect(query('').name).toBe('');
    expect(buildQuery(7, 'a..b', 1)).toBeUndefined();
  });

  it('that is none gets the right reply, or silence', () => {
    const good = written(7, 'a.test', 1);
    const change = (at: number, value: number): Uint8Array => good.with(at, value);
    const reply = (message: Uint8Array): unknown => {
      const result = parseQuery(message);
      if (result.ok) return 'accepted';
      return (
        result.error.reply && [
          result.error.code,
          result.error.reply[0],
          result.error.reply[1],
          (result.error.reply[3] ?? 0) & 15,
        ]
      );
    };
    expect(reply(good)).toBe('accepted');
    expect(reply(good.subarray(0, 11))).toBeUndefined();
    expect(reply(change(2, 0x80))).toBeUndefined(); // a response
    expect(reply(change(2, 0x28))).toEqual(['not_implemented', 0, 7, 4]); // UPDATE
    expect(reply(change(5, 2))).toEqual(['format_error', 0, 7, 1]); // two questions
    expect(reply(change(12, 0xc0))).toEqual(['format_error', 0, 7, 1]); // a pointer in the question
    expect(reply(good.subarray(0, good.length - 1))).toEqual(['format_error', 0, 7, 1]);
    const edns = written(7, 'a.test', 1, 1232);
    expect(reply(edns.with(edns.length - 5, 1))).toEqual(['bad_version', 0, 7, 0]);
  });
});

describe('a response', () => {
  it('carries every kind of record', () => {
    const answers: DnsRecord[] = [
      { type: 'CNAME', name: 'www.a.test', ttlSeconds: 60, target: 'a.test' },
      { type: 'A', name: 'a.test', ttlSeconds: 60, address: '10.244.0.7' },
      { type: 'AAAA', name: 'a.test', ttlSeconds: 60, address: 'fd00::7' },
      {
        type: 'SRV',
        name: '_http._tcp.a.test',
        ttlSeconds: 1,
        priority: 1,
        weight: 2,
        port: 9080,
        target: 'a.test',
      },
      { type: 'PTR', name: '7.0.244.10.in-addr.arpa', ttlSeconds: 1, target: 'a.test' },
    ];
    const bytes = buildResponse(query('www.a.test', 255), positive(answers, [answers[1] as DnsRecord]));
    expect(parseResponse(bytes)).toMatchObject({
      id: 7,
      name: 'www.a.test',
      rcode: 'NOERROR',
      authoritative: true,
      truncated: false,
      answers,
      additional: [answers[1]],
    });
  });

  it('may say that there is no such name, or no such record, and for how long', () => {
    for (const rcode of ['NXDOMAIN', 'NOERROR', 'SERVFAIL'] as const) {
      const answer: DnsAnswer = {
        rcode,
        answers: [],
        authority: [zone],
        authoritative: true,
        recursionAvailable: false,
      };
      const read = parseResponse(buildResponse(query('none.cluster.local'), answer));
      expect(read).toMatchObject({ rcode, answers: [], authority: [zone] });
    }
  });

  it('repeats the question as it was asked, and compresses names', () => {
    const asked = Buffer.from(written(1, 'ReViEwS', 1));
    const parsed = parseQuery(asked);
    if (!parsed.ok) throw new Error('no query');
    const bytes = Buffer.from(
      buildResponse(
        parsed.value,
        positive([{ type: 'A', name: 'reviews', ttlSeconds: 1, address: '1.2.3.4' }]),
      ),
    );
    expect(bytes.toString('latin1')).toContain('ReViEwS');
    expect(bytes.length).toBe(12 + 13 + 2 + 10 + 4);
  });

  it('that does not fit says so and keeps whole records; over TCP it is whole', () => {
    const answers = Array.from({ length: 100 }, (_, i): DnsRecord => {
      return { type: 'A', name: 'many.test', ttlSeconds: 1, address: `10.0.0.${i}` };
    });
    for (const [maxUdpBytes, count] of [
      [512, 30],
      [1232, 74],
      [4096, 100],
    ] as const) {
      const asked = query('many.test', 1, maxUdpBytes);
      const bytes = buildResponse(asked, positive(answers));
      expect(bytes.length).toBeLessThanOrEqual(maxUdpBytes);
      const read = parseResponse(bytes);
      expect([read?.answers.length, read?.truncated]).toEqual([count, count < 100]);
    }
    expect(
      parseResponse(buildResponse(query('many.test'), positive(answers), MAX_TCP_BYTES))?.truncated,
    ).toBe(false);
    // Additional records are a courtesy: leaving them out is no truncation.
    const read = parseResponse(buildResponse(query('many.test'), positive(answers.slice(0, 5), answers)));
    expect([read?.answers.length, read?.truncated]).toEqual([5, false]);
  });

  it('leaves out what cannot be written', () => {
    const answers: DnsRecord[] = [
      { type: 'A', name: 'a..b', ttlSeconds: 1, address: '1.2.3.4' },
      { type: 'A', name: 'a', ttlSeconds: 1, address: 'fd00::1' },
      { type: 'AAAA', name: 'a', ttlSeconds: 1, address: '1.2.3.4' },
      { type: 'PTR', name: 'a', ttlSeconds: 1, target: 'x'.repeat(64) },
      { type: 'A', name: 'a', ttlSeconds: -1, address: '1.2.3.4' },
    ];
    const read = parseResponse(buildResponse(query('a'), positive(answers)));
    expect(read?.answers).toEqual([{ type: 'A', name: 'a', ttlSeconds: 0, address: '1.2.3.4' }]);
  });

  it('is understood by another implementation (c-ares)', async () => {
    const server = await network.listenUdp({
      host: '127.0.0.1',
      port: 0,
      onMessage(bytes, from) {
        const asked = parseQuery(bytes);
        if (!asked.ok || !server.ok) return;
        server.value.send(buildResponse(asked.value, answerFor(asked.value)), from);
      },
    });
    if (!server.ok) throw new Error(server.error.message);
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    resolver.setServers([`127.0.0.1:${server.value.port}`]);
    expect(await resolver.resolve4('Reviews.test', { ttl: true })).toEqual([
      { address: '10.0.0.1', ttl: 30 },
    ]);
    expect(await resolver.resolve6('reviews.test')).toEqual(['fd00::1']);
    expect(await resolver.resolveSrv('_http._tcp.test')).toMatchObject([
      { name: 'reviews.test', port: 9080, priority: 1, weight: 5 },
    ]);
    expect(await resolver.reverse('10.0.0.1')).toEqual(['reviews.test']);
    await expect(resolver.resolve4('missing.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve4('empty.test')).rejects.toMatchObject({ code: 'ENODATA' });
    await server.value.close();
  });
});

function answerFor(asked: DnsQuery): DnsAnswer {
  const { name } = asked;
  const records: Record<string, DnsRecord> = {
    'reviews.test/1': { type: 'A', name, ttlSeconds: 30, address: '10.0.0.1' },
    'reviews.test/28': { type: 'AAAA', name, ttlSeconds: 30, address: 'fd00::1' },
    '_http._tcp.test/33': {
      type: 'SRV',
      name,
      ttlSeconds: 30,
      priority: 1,
      weight: 5,
      port: 9080,
      target: 'reviews.test',
    },
    '1.0.0.10.in-addr.arpa/12': { type: 'PTR', name, ttlSeconds: 30, target: 'reviews.test' },
  };
  const record = records[`${name}/${asked.type}`];
  const rcode = record === undefined && name !== 'empty.test' ? 'NXDOMAIN' : 'NOERROR';
  return {
    ...positive(record === undefined ? [] : [record]),
    rcode,
    authority: record === undefined ? [zone] : [],
  };
}

describe('names', () => {
  it('are read through pointers backwards only', () => {
    const bytes = Buffer.from('\x01a\x01b\0\x01c\xc0\x02\xc0\x05\xc0\x0b\xc0\x0e\x01d\xc0\x0d', 'latin1');
    expect(readName(bytes, 0)).toEqual({ name: 'a.b', end: 5 });
    expect(readName(bytes, 5)).toEqual({ name: 'c.b', end: 9 });
    expect(readName(bytes, 9)).toEqual({ name: 'c.b', end: 11 });
    expect(readName(bytes, 11)).toBeUndefined(); // to itself
    expect(readName(bytes, 13)).toBeUndefined(); // forwards
    expect(readName(bytes, 15)).toBeUndefined(); // round and round
    const chain = Buffer.from(Array.from({ length: 200 }, (_, i) => [0xc0, 2 * i]).flat());
    expect(readName(Buffer.concat([Buffer.of(0, 0), chain]), 400)).toBeUndefined(); // longer than any name
  });

  it('escape what is no plain text, so that a label with a dot is not two labels', () => {
    expect(readName(Buffer.from('\x03a.b\x02\xff\\\0', 'latin1'), 0)?.name).toBe('a\\046b.\\255\\092');
    expect([
      isWritableName('a\\046b'),
      isWritableName('a..b'),
      isWritableName(''),
      isWritableName('a.b.'),
    ]).toEqual([false, false, true, false]);
  });

  it('for addresses go both ways', () => {
    expect(reverseNameOf('10.244.0.7')).toBe('7.0.244.10.in-addr.arpa');
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const name = reverseNameOf(address) as string;
        expect(reverseNameOf(addressOfReverseName(name) as string)).toBe(name);
      }),
    );
    expect([addressOfReverseName('1.10.in-addr.arpa'), addressOfReverseName('a.test')]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

const label = fc.string({ unit: fc.constantFrom(...'abcdefgh0123-_'), minLength: 1, maxLength: 12 });
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
const owner = { name, ttlSeconds: fc.nat(0x7fffffff) };
const ipv4 = fc.ipV4();
const record: fc.Arbitrary<DnsRecord> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), ...owner, address: ipv4 }),
  fc.record({ type: fc.constantFrom('PTR' as const, 'CNAME' as const), ...owner, target: name }),
  fc.record({
    type: fc.constant('SRV' as const),
    ...owner,
    priority: fc.nat(65_535),
    weight: fc.nat(65_535),
    port: fc.nat(65_535),
    target: name,
  }),
  fc.record({ type: fc.constant('SOA' as const), ...owner, server: name, mailbox: name, serial: fc.nat() }),
);

describe('any records', () => {
  it('are read back as written', () => {
    const records = fc.array(record, { maxLength: 12 });
    fc.assert(
      fc.property(name, records, records, (asked, answers, additional) => {
        const bytes = buildResponse(query(asked), positive(answers, additional), MAX_TCP_BYTES);
        expect(parseResponse(bytes)).toMatchObject({ name: asked, answers, additional, truncated: false });
      }),
      { numRuns: 300 },
    );
  });

  it('never exceed the limit, and what is left is whole', () => {
    fc.assert(
      fc.property(
        name,
        fc.array(record, { maxLength: 40 }),
        fc.integer({ min: 512, max: 1500 }),
        (asked, answers, max) => {
          const bytes = buildResponse(query(asked, 1, max), positive(answers));
          expect(bytes.length).toBeLessThanOrEqual(max);
          const read = parseResponse(bytes);
          expect(read?.answers).toEqual(answers.slice(0, read?.answers.length));
          expect(read?.truncated).toBe(read?.answers.length !== answers.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('any bytes', () => {
  it('never make a reader throw or walk for ever', () => {
    const real = buildResponse(
      query('www.a.test', 1, 1232),
      positive([{ type: 'CNAME', name: 'www.a.test', ttlSeconds: 1, target: 'a.test' }, zone]),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), fc.nat(255), (bytes, place, byte) => {
        for (const message of [
          bytes,
          Uint8Array.of(...real.subarray(0, 12), ...bytes),
          real.with(place % real.length, byte),
        ]) {
          parseQuery(message);
          parseResponse(message);
          readName(message, place % 90);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
