import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import type { RouteTable } from '../stream/route-table.ts';
import { createRouteTables } from './route-tables.ts';

const table = (name: string, ...clusterNames: string[]): RouteTable =>
  ({ name, clusterNames }) as unknown as RouteTable;

describe('a new route table', () => {
  it('is used when its clusters can serve; the old one answers until then', () => {
    const clock = manualClock();
    const serving = new Set(['v1']);
    const tables = createRouteTables(
      clock,
      (name) => serving.has(name),
      () => {},
    );
    const [first, second] = [table('9080', 'v1'), table('9080', 'v1', 'v2')];
    tables.put(first);
    expect(tables.settle()).toBe(true);
    tables.put(second);
    expect(tables.settle()).toBe(false);
    expect(tables.get('9080')).toBe(first);
    serving.add('v2');
    expect(tables.settle()).toBe(true);
    expect(tables.get('9080')).toBe(second);
  });

  it('waits a bounded time for clusters that do not come', () => {
    const clock = manualClock();
    let overdue = 0;
    const tables = createRouteTables(
      clock,
      () => false,
      () => overdue++,
    );
    tables.put(table('9080', 'nobody'));
    expect(tables.settle()).toBe(false);
    clock.advance(2_001);
    expect(overdue).toBe(1);
    expect(tables.settle()).toBe(true);
    expect(tables.get('9080')?.clusterNames).toEqual(['nobody']);
  });

  it('keeps the clusters of the table in use and of the waiting one from being taken away', () => {
    const tables = createRouteTables(
      manualClock(),
      (name) => name === 'v1',
      () => {},
    );
    tables.put(table('9080', 'v1'));
    tables.settle();
    tables.put(table('9080', 'v2'));
    expect([tables.references('v1'), tables.references('v2'), tables.references('v3')]).toEqual([
      true,
      true,
      false,
    ]);
    tables.remove('9080');
    expect(tables.references('v1')).toBe(false);
  });
});
