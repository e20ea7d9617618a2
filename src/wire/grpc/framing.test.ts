import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grpcStatusOfHttp } from '../../lib/grpc-status-of-http.ts';
import { backoffMs } from './backoff.ts';
import { frameMessage, MessageReader } from './framing.ts';
import { decodeGrpcMessage, encodeGrpcMessage } from './grpc-message.ts';
import { metadataToSend, receivedMetadata } from './metadata.ts';
import { statusInTrailers } from './status-mapping.ts';
import { decodeGrpcTimeout, encodeGrpcTimeout } from './timeout.ts';

/** Cuts bytes at the given places. */
function split(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : places[i - 1], end));
}

function readAll(reader: MessageReader, parts: Buffer[]): Buffer[] {
  const messages: Buffer[] = [];
  for (const part of parts) {
    reader.add(part);
    for (let read = reader.read(); read.kind === 'message'; read = reader.read())
      messages.push(Buffer.from(read.message));
  }
  return messages;
}

describe('message framing', () => {
  it('gives the same messages however the bytes are split', () => {
    const lists = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(lists, fc.array(fc.nat(), { maxLength: 40 }), (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(frameMessage));
        const reader = new MessageReader(300);
        expect(readAll(reader, split(bytes, cuts))).toEqual(messages.map((message) => Buffer.from(message)));
        expect(reader.midMessage).toBe(false);
      }),
    );
  });

  it('takes one byte at a time', () => {
    const bytes = frameMessage(Buffer.alloc(10_000, 7));
    const parts = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    expect(readAll(new MessageReader(10_000), parts)).toEqual([Buffer.alloc(10_000, 7)]);
  });

  it('refuses a message that is too large as soon as its length is known', () => {
    const reader = new MessageReader(10);
    reader.add(frameMessage(Buffer.alloc(11)).subarray(0, 5));
    expect(reader.read()).toEqual({ kind: 'too-large', bytes: 11 });
  });

  it('refuses a compressed message', () => {
    const reader = new MessageReader(10);
    reader.add(Buffer.from([1, 0, 0, 0, 0]));
    expect(reader.read()).toEqual({ kind: 'compressed' });
  });
});

describe('grpc-message', () => {
  it('comes back as it was, in printable ASCII on the way', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (message) => {
        const coded = encodeGrpcMessage(message);
        expect(coded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeGrpcMessage(coded)).toBe(message);
      }),
    );
  });

  it('is taken as it is where the coding is broken', () => {
    expect(decodeGrpcMessage('50% of %zz')).toBe('50% of %zz');
    expect(decodeGrpcMessage('%FF!')).toBe('\ufffd!');
  });
});

describe('grpc-timeout', () => {
  it.each([
    [0, '1m'],
    [0.2, '1m'],
    [1500, '1500m'],
    [99_999_999, '99999999m'],
    [100_000_000, '100000S'],
    [Number.MAX_SAFE_INTEGER, '99999999H'],
  ])('%f ms is %s', (timeoutMs, text) => {
    expect(encodeGrpcTimeout(timeoutMs)).toBe(text);
  });

  it('is read in every unit, and not where it is malformed', () => {
    expect(['1H', '2M', '3S', '4m', '5u', '6n'].map(decodeGrpcTimeout)).toEqual([
      3.6e6, 120_000, 3000, 4, 0.005, 6e-6,
    ]);
    expect(['', '1', 'm', '123456789m', '-1m', '1x', '1 m'].map(decodeGrpcTimeout)).toEqual(
      Array(7).fill(undefined),
    );
  });
});

describe('status', () => {
  it('is mapped from HTTP where there is no gRPC', () => {
    expect(
      [400, 401, 403, 404, 429, 502, 503, 504, 500, 418].map((status) => grpcStatusOfHttp(status)),
    ).toEqual([13, 16, 7, 12, 14, 14, 14, 14, 2, 2]);
  });

  it('is read from trailers with what else is there', () => {
    expect(statusInTrailers(['grpc-status', '5', 'grpc-message', 'no%20dog', 'x-why', 'gone'])).toEqual({
      code: 5,
      message: 'no dog',
      trailers: ['x-why', 'gone'],
    });
    expect(statusInTrailers(['grpc-status', 'five'])?.code).toBe(2);
    expect(statusInTrailers(['x-why', 'gone'])).toBeUndefined();
  });
});

describe('metadata', () => {
  it('does not pass off as gRPC or HTTP/2 what is not', () => {
    expect(
      metadataToSend(['X-A', '1', 'grpc-timeout', '1m', ':path', '/', 'TE', 'x', 'Content-Type', 'y']),
    ).toEqual(['x-a', '1']);
    expect(receivedMetadata(['content-type', 'application/grpc', 'x-a', '1', 'grpc-status', '0'])).toEqual([
      'x-a',
      '1',
    ]);
  });
});

describe('backoffMs', () => {
  it('grows from a second to its limit, a fifth more or less', () => {
    const waits = (next: number) =>
      [1, 2, 3, 8, 9, 1000].map((attempt) =>
        Math.round(backoffMs(attempt, { next: () => next, uint32: () => 0, below: () => 0 })),
      );
    expect(waits(0.5)).toEqual([1000, 1600, 2560, 26_844, 30_000, 30_000]);
    expect(waits(0)).toEqual([800, 1280, 2048, 21_475, 24_000, 24_000]);
  });
});
