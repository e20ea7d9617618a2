import { createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from './client-hello.ts';
import { classifyFirstBytes } from './first-bytes.ts';

/** What OpenSSL sends first with the given options. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
      client.on('error', () => client.destroy());
      server.on('error', reject);
    });
  });
}

const samples: Record<'full' | 'old' | 'bare', Buffer> = {
  full: Buffer.of(),
  old: Buffer.of(),
  bare: Buffer.of(),
};

beforeAll(async () => {
  samples.full = await helloOf({
    servername: 'Outbound_.80_._.Reviews.Default',
    ALPNProtocols: ['istio', 'h2', 'http/1.1'],
  });
  samples.old = await helloOf({ servername: 'a.test', maxVersion: 'TLSv1.2' });
  samples.bare = await helloOf({});
});

/** The same handshake bytes cut into records of at most `size` bytes. */
function cutIntoRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

/** A ClientHello with the given extensions, as [type, body]. */
function helloWith(extensions: readonly (readonly [number, Buffer])[]): Buffer {
  const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const list = Buffer.concat(extensions.flatMap(([type, body]) => [uint16(type), uint16(body.length), body]));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    uint16(list.length),
    list,
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), uint16(message.length), message]);
}

describe('a ClientHello', () => {
  it('tells server name, protocols and version', () => {
    expect(parseClientHello(samples.full)).toEqual({
      sni: 'outbound_.80_._.reviews.default',
      alpn: ['istio', 'h2', 'http/1.1'],
      version: 0x0304,
    });
    expect(parseClientHello(samples.old)).toEqual({ sni: 'a.test', alpn: [], version: 0x0303 });
    expect(parseClientHello(samples.bare)).toEqual({ sni: '', alpn: [], version: 0x0304 });
  });

  it('is waited for until its last byte, and bytes after it do not matter', () => {
    for (let length = 0; length < samples.full.length; length++) {
      const prefix = samples.full.subarray(0, length);
      expect(parseClientHello(prefix)).toBe('need-more');
      expect(classifyFirstBytes(prefix)).toBe(length > 5 ? 'tls' : 'need-more');
    }
    const more = Buffer.concat([samples.full, Buffer.from('early data')]);
    expect(parseClientHello(more)).toEqual(parseClientHello(samples.full));
  });

  it('may be cut into records of any size', () => {
    const whole = parseClientHello(samples.full);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(2000), (size, length) => {
        const cut = cutIntoRecords(samples.full, size);
        expect(parseClientHello(cut)).toEqual(whole);
        if (length < cut.length) expect(parseClientHello(cut.subarray(0, length))).toBe('need-more');
      }),
    );
  });

  it('is not what claims too much, repeats itself, or hides something in a name', () => {
    const name = (text: string): Buffer => {
      const bytes = Buffer.from(text, 'latin1');
      return Buffer.concat([Buffer.from([0, bytes.length + 3, 0, 0, bytes.length]), bytes]);
    };
    expect(parseClientHello(helloWith([[0, name('a.test')]]))).toMatchObject({ sni: 'a.test' });
    expect(parseClientHello(helloWith([[0, name('a\0.test')]]))).toBe('not-tls');
    expect(parseClientHello(helloWith([[0, name('')]]))).toBe('not-tls');
    expect(
      parseClientHello(
        helloWith([
          [0, name('a')],
          [0, name('b')],
        ]),
      ),
    ).toBe('not-tls');
    const two = Buffer.concat([Buffer.from([0, 8]), name('a').subarray(2), name('b').subarray(2)]);
    expect(parseClientHello(helloWith([[0, two]]))).toBe('not-tls');
    expect(parseClientHello(helloWith([[16, Buffer.from([0, 9, 2, 104, 50])]]))).toBe('not-tls');
    const huge = Buffer.from([22, 3, 1, 64, 0, 1, 0xff, 0xff, 0xff]);
    expect(parseClientHello(huge)).toBe('not-tls');
    expect(parseClientHello(Buffer.from([22, 3, 1, 0, 0]))).toBe('not-tls');
  });

  it('ignores GREASE and unknown extensions (RFC 8701)', () => {
    const versions = Buffer.from([6, 0x7a, 0x7a, 3, 4, 3, 3]);
    expect(
      parseClientHello(
        helloWith([
          [0x0a0a, Buffer.of(1)],
          [43, versions],
        ]),
      ),
    ).toMatchObject({ version: 0x0304 });
  });

  it('never waits for more than the limit', () => {
    const endless = cutIntoRecords(
      Buffer.concat([
        Buffer.alloc(5),
        Buffer.from([1, 0, 0x3f, 0xff]),
        Buffer.alloc(2 * MAX_CLIENT_HELLO_BYTES),
      ]),
      1000,
    );
    expect(parseClientHello(endless)).toBe('not-tls');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseClientHello(bytes);
        parseClientHello(Buffer.concat([samples.full.subarray(0, 90), bytes]));
        classifyFirstBytes(bytes);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), (place, byte) => {
        const broken = Buffer.from(samples.full);
        broken[place % broken.length] = byte;
        parseClientHello(broken);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the first bytes', () => {
  it.each([
    ['GET / HTTP/1.1\r\n', 'http1'],
    ['OPTIONS * HTTP/1.0\r\nHost', 'http1'],
    ['M-SEARCH * HTTP/1.1\n', 'http1'],
    ['\r\nPOST /x HTTP/1.1\r\n', 'http1'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0', 'http2'],
    ['PRI * HTTP/2', 'need-more'],
    ['P', 'need-more'],
    ['PRIVATE / HTTP/1.1\r\n', 'http1'],
    ['GET', 'need-more'],
    ['GET /abc', 'need-more'],
    [`GET /${'x'.repeat(9000)}`, 'http1'],
    ['', 'need-more'],
    ['\r', 'need-more'],
    ['GET key\r\n', 'other'],
    ['SSH-2.0-OpenSSH_9.6\r\n', 'other'],
    ['*1\r\n$4\r\nPING\r\n', 'other'],
    [' GET / HTTP/1.1\r\n', 'other'],
    ['\0\0\0\x08', 'other'],
    ['\x16\x02\x01', 'other'],
    ['\x16\x03\x01\0\x05\x02', 'other'],
    ['\x16', 'need-more'],
    ['EHLO mail\r\n', 'other'],
    ['x'.repeat(40), 'other'],
  ])('%j are %s', (text, kind) => {
    expect(classifyFirstBytes(Buffer.from(text, 'latin1'))).toBe(kind);
  });

  it('are never judged differently when more of them come', () => {
    const nearly = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 40 }),
      fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        '\x16\x03\x01\0\x05\x01',
        'PUT x y\n',
      ),
    );
    fc.assert(
      fc.property(nearly, fc.nat(60), (text, length) => {
        const early = classifyFirstBytes(Buffer.from(text.slice(0, length), 'latin1'));
        const late = classifyFirstBytes(Buffer.from(text, 'latin1'));
        if (early !== 'need-more') expect(late).toBe(early);
      }),
      { numRuns: 2000 },
    );
  });
});
