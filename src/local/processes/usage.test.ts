import { describe, expect, it } from 'vitest';
import { parseUsage, usageOf } from './usage.ts';

describe('usageOf', () => {
  it.runIf(process.platform === 'linux')('measures this process', () => {
    const usage = usageOf(process.pid);
    expect(usage?.cpuSeconds).toBeGreaterThan(0);
    expect(usage?.rssBytes).toBeGreaterThan(10_000_000);
    expect(usageOf(2 ** 22 + 1)).toBeUndefined();
  });

  it('is not misled by a name with brackets and spaces', () => {
    const stat = '7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 100 1000 5';
    expect(parseUsage(stat, 'Name:\tx\nVmRSS:\t   2048 kB\n')).toEqual({
      cpuSeconds: 2,
      rssBytes: 2_097_152,
    });
  });
});
