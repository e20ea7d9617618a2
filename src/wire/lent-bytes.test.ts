import { describe, expect, it } from 'vitest';
import { allIsBack, giveBack, lend } from './lent-bytes.ts';

describe('lent bytes', () => {
  const memory = Buffer.allocUnsafeSlow(100);

  it('are back when every one of them was given back, in whatever pieces', () => {
    lend(memory.subarray(0, 80));
    giveBack(memory.subarray(0, 30));
    giveBack(memory, 20);
    giveBack(memory.subarray(50, 80));
    expect(allIsBack()).toBe(true);
  });

  it('are not back while one is missing, and what is not of them does not count', () => {
    lend(memory.subarray(0, 80));
    giveBack(memory.subarray(0, 79));
    giveBack(Buffer.alloc(1));
    expect(allIsBack()).toBe(false);
    giveBack(memory, 1); // too late
    lend(memory.subarray(0, 10));
    expect(allIsBack()).toBe(false);
  });
});
