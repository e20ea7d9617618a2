import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_HTTP1_LIMITS } from './limits.ts';
import type { ResponseTo } from './message.ts';
import { type Told, tellRequests, tellResponses } from './recorder.ts';
import { CHUNK_END, chunkStart, lastChunk, requestHead, responseHead } from './serialize.ts';

const token = fc.string({ unit: fc.constantFrom(..."ABCxyz019!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 8 });
const name = token.map((text) => `x-${text}`);
const value = fc
  .string({ unit: fc.constantFrom(...'abc XYZ\t019,;"=\xe9\xff:'), maxLength: 20 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
const fields = fc.array(fc.tuple(name, value), { maxLength: 6 }).map((pairs) => pairs.flat());
const pieces = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 30 }), { maxLength: 4 });

interface Sent {
  readonly text: string;
  readonly told: Told[];
}

/** A body and its framing fields: text to send, what should be told. */
const body = fc.oneof(
  fc.constant({ chunked: false, fields: [] as string[], text: '', told: [{ end: undefined }] as Told[] }),
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 50 }).map((text) => ({
    chunked: false,
    fields: ['Content-Length', String(text.length)],
    text,
    told: [{ data: text }, { end: undefined }] as Told[],
  })),
  fc.tuple(pieces, fields).map(([chunks, trailers]) => ({
    chunked: true,
    fields: [] as string[],
    text: chunks.map((chunk) => chunkStart(chunk.length) + chunk + CHUNK_END).join('') + lastChunk(trailers),
    told: [
      ...(chunks.length > 0 ? [{ data: chunks.join('') }] : []),
      { end: trailers.length > 0 ? trailers : undefined },
    ] as Told[],
  })),
);

const request: fc.Arbitrary<Sent> = fc
  .record({ method: fc.constantFrom('GET', 'POST', 'X-ODD'), path: fc.webPath(), fields, body })
  .map((message) => {
    const headers = ['host', 'a', ...message.fields, ...message.body.fields];
    const target = `/${message.path}`;
    const { chunked } = message.body;
    const head = {
      method: message.method,
      target,
      path: target,
      authority: 'a',
      version: 11,
      keepAlive: true,
    };
    const withHop = chunked ? [...headers, 'transfer-encoding', 'chunked'] : headers;
    return {
      text: requestHead(message.method, target, headers, { chunked }) + message.body.text,
      told: [{ head: { ...head, headers: withHop } } as never, ...message.body.told],
    };
  });

/** Cuts a text at any places. */
function cut(text: string, places: readonly number[]): string[] {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  const starts = [0, ...sorted];
  return starts.map((start, i) => text.slice(start, starts[i + 1]));
}

const places = fc.array(fc.nat(2000), { maxLength: 12 });

describe('what is serialized', () => {
  it('is parsed back, pipelined and split anywhere', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), places, (requests, at) => {
        const text = requests.map((sent) => sent.text).join('');
        expect(tellRequests(cut(text, at))).toMatchObject(requests.flatMap((sent) => sent.told));
      }),
      { numRuns: 500 },
    );
  });

  it('is parsed back as a response too', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fields, body, places, (status, headers, sent, at) => {
        fc.pre(status !== 204 && status !== 304);
        const framed = sent.text === '' ? ['content-length', '0'] : sent.fields;
        const hop = { chunked: sent.chunked };
        const text = responseHead(status, '', [...headers, ...framed], hop) + sent.text;
        const told = tellResponses(cut(text, at), [{ method: 'GET', upgrade: false }]);
        expect(told).toMatchObject([{ head: { status } }, ...sent.told]);
      }),
      { numRuns: 300 },
    );
  });
});

/** Texts near HTTP: sound parts, broken parts, and noise between them. */
const nearly = fc
  .array(
    fc.oneof(
      { arbitrary: request.map((sent) => sent.text), weight: 2 },
      fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'HTTP/1.1 200 OK\r\n',
        'HTTP/1.1 100 \r\n',
        'HTTP/1.1 204 x\r\n',
        'Host: a\r\n',
        '\r\n',
      ),
      fc.constantFrom(
        'Transfer-Encoding: chunked\r\n',
        'Content-Length: 3\r\n',
        'Connection: close\r\n',
        '\r\n\r\n',
      ),
      fc.constantFrom(
        '5\r\nhello\r\n',
        '0\r\n\r\n',
        '3;x="y"\r\nabc\r\n',
        '0\r\nX: y\r\n\r\n',
        '\r',
        '\n',
        ' ',
        '\0',
        ':',
        'abc',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 10 }),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''));

const small = {
  ...DEFAULT_HTTP1_LIMITS,
  maxStartLineBytes: 60,
  maxHeaderBytes: 120,
  maxHeaderCount: 5,
  maxChunkLineBytes: 12,
  maxChunkExtensionBytes: 20,
};

describe('any bytes', () => {
  it('tell the same however they are split, as requests', () => {
    fc.assert(
      fc.property(nearly, places, fc.boolean(), (text, at, isSmall) => {
        const limits = isSmall ? small : DEFAULT_HTTP1_LIMITS;
        const whole = tellRequests([text], limits);
        expect(tellRequests(cut(text, at), limits)).toEqual(whole);
        expect(tellRequests([...text], limits)).toEqual(whole);
      }),
      { numRuns: 1500 },
    );
  });

  it('tell the same however they are split, as responses', () => {
    const to: fc.Arbitrary<ResponseTo> = fc.record({
      method: fc.constantFrom('GET', 'HEAD', 'CONNECT'),
      upgrade: fc.boolean(),
    });
    fc.assert(
      fc.property(
        nearly,
        fc.array(to, { maxLength: 3 }),
        places,
        fc.boolean(),
        (text, requests, at, isSmall) => {
          const limits = isSmall ? small : DEFAULT_HTTP1_LIMITS;
          const answers = text.replaceAll('GET / HTTP/1.1', 'HTTP/1.1 200 OK');
          const whole = tellResponses([answers], requests, limits);
          expect(tellResponses(cut(answers, at), requests, limits)).toEqual(whole);
          expect(tellResponses([...answers], requests, limits)).toEqual(whole);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('never make it throw, and it never tells more after an error', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary-ascii', maxLength: 100 }), { maxLength: 5 }),
        (parts) => {
          const told = tellRequests(parts);
          const first = told.findIndex((event) => 'error' in event);
          expect(first === -1 || first === told.length - 1).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
