import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INVALID } from '../field-kind.ts';
import { Http2Error } from '../http2-error.ts';
import type { FieldSink } from './decoder.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder, headerRoom } from './encoder.ts';
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';

class Fields implements FieldSink {
  list: string[] = [];
  valid = true;
  onField(name: string, value: string, kind: number): void {
    this.list.push(name, value);
    if ((kind & INVALID) !== 0) this.valid = false;
  }
}

function decode(decoder: HpackDecoder, bytes: Buffer): string[] {
  const fields = new Fields();
  decoder.decode(bytes, 0, bytes.length, fields);
  return fields.list;
}

function encode(encoder: HpackEncoder, headers: string[]): Buffer {
  const out = Buffer.alloc(headerRoom(headers));
  encoder.begin(out, 0);
  encoder.fields(headers);
  return out.subarray(0, encoder.at);
}

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** RFC 7541 Appendix C: each series shares one decoder. */
const SERIES: readonly (readonly [
  name: string,
  blocks: readonly (readonly [bytes: string, fields: string])[],
])[] = [
  [
    'C.2.1 literal with indexing',
    [['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'custom-key custom-header']],
  ],
  ['C.2.2 literal without indexing', [['040c 2f73 616d 706c 652f 7061 7468', ':path /sample/path']]],
  ['C.2.3 literal never indexed', [['1008 7061 7373 776f 7264 0673 6563 7265 74', 'password secret']]],
  ['C.2.4 indexed', [['82', ':method GET']]],
  [
    'C.3 requests without Huffman',
    [
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        ':method GET :scheme http :path / :authority www.example.com',
      ],
      [
        '8286 84be 5808 6e6f 2d63 6163 6865',
        ':method GET :scheme http :path / :authority www.example.com cache-control no-cache',
      ],
      [
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
        ':method GET :scheme https :path /index.html :authority www.example.com custom-key custom-value',
      ],
    ],
  ],
  [
    'C.4 requests with Huffman',
    [
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        ':method GET :scheme http :path / :authority www.example.com',
      ],
      [
        '8286 84be 5886 a8eb 1064 9cbf',
        ':method GET :scheme http :path / :authority www.example.com cache-control no-cache',
      ],
      [
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
        ':method GET :scheme https :path /index.html :authority www.example.com custom-key custom-value',
      ],
    ],
  ],
];

describe('HPACK decoding', () => {
  it.each(SERIES)('gives the fields of RFC 7541 %s', (_name, blocks) => {
    const decoder = new HpackDecoder();
    for (const [bytes, fields] of blocks) expect(decode(decoder, hex(bytes)).join(' ')).toBe(fields);
  });

  it('evicts as RFC 7541 C.6 has it, in a table of 256 bytes', () => {
    const decoder = new HpackDecoder();
    const first = decode(
      decoder,
      hex(
        '3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      ),
    );
    expect(first).toEqual([
      ':status',
      '302',
      'cache-control',
      'private',
      'date',
      'Mon, 21 Oct 2013 20:13:21 GMT',
      'location',
      'https://www.example.com',
    ]);
    expect(decode(decoder, hex('4883 640e ff c1 c0 bf'))).toEqual([':status', '307', ...first.slice(2)]);
    const third = decode(
      decoder,
      hex(
        '88 c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c0 5a83 9bd9 ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ),
    );
    expect(third.slice(0, 4)).toEqual([':status', '200', 'cache-control', 'private']);
    expect(third.slice(-2)).toEqual([
      'set-cookie',
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ]);
  });

  it.each([
    ['index 0', '80'],
    ['an index beyond the table', 'be'],
    ['a name index beyond the table', '7f00 0161'],
    ['a string that is cut off', '0003 6162'],
    ['an integer that is cut off', 'ff'],
    ['an integer without an end', 'ff80 8080 8080 8080 8001'],
    ['a table size above 4096', '3fe2 1f'],
    ['a table size update after a field', '8220'],
    ['Huffman padding of eight bits', '0082 1fff 0161'],
    ['Huffman padding of zeros', '0081 18 0161'],
    ['the end-of-string symbol', '0084 ffff ffff 0161'],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decode(new HpackDecoder(), hex(bytes))).toThrow(Http2Error);
  });

  it.each([
    ['upper case in a name', 'X-a', 'b'],
    ['a space in a name', 'x a', 'b'],
    ['an empty name', '', 'b'],
    ['a line end in a value', 'x-a', 'b\r\nc: d'],
    ['a NUL in a value', 'x-a', 'b\0'],
    ['a space at the end of a value', 'x-a', 'b '],
    ['a space in a path', ':path', '/a b'],
    ['a path that is none', ':path', 'a'],
    ['user info in the authority', ':authority', 'me@there'],
    ['a status that is none', ':status', '20x'],
    ['a content-length that is none', 'content-length', '-1'],
    ['te other than trailers', 'te', 'gzip'],
  ])('marks %s, literally and by index', (_what, name, value) => {
    const decoder = new HpackDecoder();
    const bytes = Buffer.concat([
      Buffer.from([0x40, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
    for (const block of [bytes, Buffer.from([0xbe])]) {
      const fields = new Fields();
      decoder.decode(block, 0, block.length, fields);
      expect(fields).toEqual({ list: [name, value], valid: false });
    }
  });

  it('ends at any bytes, with fields or with Http2Error', () => {
    const decoder = new HpackDecoder();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(decoder, Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(Http2Error);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('HPACK both ways', () => {
  const name = fc
    .stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
    .filter((text) => !['te', 'host', 'connection', 'upgrade'].includes(text));
  const latin1 = fc.string({
    unit: fc.integer({ min: 0x21, max: 0xff }).map((c) => String.fromCharCode(c)),
    maxLength: 90,
  });
  const field = fc.tuple(
    fc.oneof(name, fc.constantFrom('cookie', 'authorization', 'set-cookie', 'x-request-id')),
    fc.oneof(latin1, fc.constantFrom('1', '2')),
  );
  const list = fc.array(field, { maxLength: 30 }).map((fields) => fields.flat());

  it('gives back what was sent, block after block, while the table size changes', () => {
    const step = fc.record({
      list,
      tableBytes: fc.option(fc.constantFrom(0, 40, 200, 4096, 65_536), { freq: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder();
        for (const { list: headers, tableBytes } of steps) {
          if (tableBytes !== null) encoder.setTableBytes(tableBytes);
          expect(decode(decoder, encode(encoder, headers))).toEqual(headers);
        }
      }),
    );
  });

  it('tells the smallest table size in between', () => {
    const encoder = new HpackEncoder();
    encoder.setTableBytes(0);
    encoder.setTableBytes(4096);
    expect(encode(encoder, [])).toEqual(hex('20 3fe11f'));
    expect(encode(encoder, [])).toEqual(hex(''));
  });

  it('sends a head that comes again in one byte per field', () => {
    const encoder = new HpackEncoder();
    const headers = ['user-agent', 'weft', 'x-a', 'some value', 'accept', '*/*'];
    encode(encoder, headers);
    expect(encode(encoder, headers).length).toBe(3);
  });

  it('stops filling the table with a value that is always another, and keeps the others in it', () => {
    const encoder = new HpackEncoder();
    for (let i = 0; i < 1000; i++)
      encode(encoder, ['x-request-id', `id-${i}-${'x'.repeat(30)}`, 'user-agent', 'weft']);
    expect(encode(encoder, ['user-agent', 'weft']).length).toBe(1);
  });

  it('sends secrets so that no table keeps them', () => {
    const encoder = new HpackEncoder();
    for (const [headerName, value] of [
      ['authorization', 'Bearer x'],
      ['cookie', 'short'],
    ] as const) {
      const first = encode(encoder, [headerName, value]);
      expect((first[0] as number) & 0xf0).toBe(0x10);
      expect(encode(encoder, [headerName, value])).toEqual(first);
    }
  });

  it('leaves out what does not belong in HTTP/2, and lowers names', () => {
    const headers = [
      'Connection',
      'close',
      'Keep-Alive',
      '1',
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'x',
      'Host',
      'a',
    ];
    const hidden = [':path', '/evil', 'bad name', 'x', '', 'y', 'TE', 'gzip'];
    const bytes = encode(new HpackEncoder(), [...headers, ...hidden, 'X-Kept', 'Yes', 'TE', 'trailers']);
    expect(decode(new HpackDecoder(), bytes)).toEqual(['x-kept', 'Yes', 'te', 'trailers']);
  });

  it.each(['a\r\nb: c', 'a\0b', 'a\u010ab', `${'x'.repeat(100)}\r\nb: c`, `${'x'.repeat(100)}\u010d`])(
    'never lets a value become a line: %j',
    (value) => {
      for (const headerName of ['x-a', 'set-cookie']) {
        const fields = new Fields();
        const bytes = encode(new HpackEncoder(), [headerName, value, 'x-b', '1']);
        new HpackDecoder().decode(bytes, 0, bytes.length, fields);
        expect(fields.list[1]).not.toMatch(/[\0\r\n]/);
        expect(fields.list.length).toBe(4);
      }
    },
  );

  it('Huffman: any latin1 text comes back, in as many bytes as foreseen', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        const coded = Buffer.alloc(bytes.length * 4 + 1);
        const end = huffmanEncode(text, coded, 0);
        expect(end).toBe(huffmanLength(text));
        const out = Buffer.alloc(bytes.length + 8);
        expect(huffmanDecode(coded, 0, end, out)).toBe(bytes.length);
        expect(out.subarray(0, bytes.length)).toEqual(Buffer.from(bytes));
      }),
    );
  });
});
