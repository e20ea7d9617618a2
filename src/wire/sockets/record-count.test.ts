import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordCount } from './record-count.ts';

/** A record with a body of so many bytes. */
function record(type: number, length: number): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 255]), Buffer.alloc(length, 23)]);
}

describe('whole records', () => {
  it('are counted however their bytes are cut', () => {
    const records = fc.array(fc.tuple(fc.integer({ min: 20, max: 23 }), fc.integer({ min: 0, max: 400 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(records, fc.array(fc.integer({ min: 1, max: 300 })), (made, cuts) => {
        const bytes = Buffer.concat(made.map(([type, length]) => record(type, length)));
        const ends: number[] = [];
        for (let at = 0, i = 0; i < made.length; i++) ends.push((at += 5 + made[i]![1]));
        const count = new RecordCount();
        let at = 0;
        let counted = 0;
        for (let i = 0; at < bytes.length; i++) {
          const piece = bytes.subarray(at, at + (cuts[i] ?? 7));
          at += piece.length;
          counted += count.in(piece, piece.length);
          expect(counted).toBe(ends.filter((end) => end <= at).length);
        }
      }),
    );
  });

  it('are counted where they fill the buffer in part only', () => {
    const bytes = Buffer.concat([record(23, 10), record(23, 10)]);
    const count = new RecordCount();
    expect([
      count.in(bytes, 15),
      count.in(bytes, 15),
      count.in(bytes, 4),
      count.in(bytes.subarray(4), 11),
    ]).toEqual([1, 1, 0, 1]);
  });

  it('may be no records: OpenSSL has to look at every piece', () => {
    for (const wrong of [Buffer.from('GET / HTTP/1.1'), record(24, 3), record(23, 18_433)]) {
      const count = new RecordCount();
      expect(count.in(wrong, wrong.length)).toBe(1);
      expect(count.in(record(23, 9), 14)).toBe(1);
    }
  });
});
