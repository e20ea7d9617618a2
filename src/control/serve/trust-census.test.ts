import { describe, expect, it } from 'vitest';
import { openLedger } from '../../ca/rotation/ledger.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Fleet } from './fleet.ts';
import { trustCensus } from './trust-census.ts';

const present = { signer: 'new', bundle: 'both' };

/** A mesh of Pods without a connected proxy, and the list of what was issued. */
function mesh(pods: readonly string[]) {
  const world = { nowMs: 1000, pods };
  const ledger = openLedger({
    stored: undefined,
    save: async () => {},
    clock: { ...systemClock, nowMs: () => world.nowMs, setTimeout: () => ({ cancel: () => {} }) },
    maxTtlMs: 1000,
    onError: () => {},
  });
  const fleet = (): Fleet => {
    const compiled = { workloads: () => world.pods.map((name) => ({ name, namespace: 'default' })) };
    return { streams: () => [], ended: () => [], state: () => ({ compiled }) } as unknown as Fleet;
  };
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';
  ledger.note({
    spiffeId,
    pod: 'web-1',
    address: '10.0.0.1',
    serial: 'aa',
    issuer: 'old',
    bundle: 'one',
    notAfterMs: 5000,
  });
  return { world, ledger, count: () => trustCensus(fleet(), ledger, present) };
}

describe('The census of a rotation', () => {
  it('counts who is away: until its Pod is gone from the mesh', () => {
    const { world, count } = mesh(['web-1']);
    const away = { name: 'web-1.default', connected: false, trustsPresent: false, leafIsPresent: false };
    expect(count()).toEqual([away]);
    world.pods = [];
    expect(count()).toEqual([]);
  });

  it('counts who is away although no Pod of it was ever seen: until its certificate has expired', () => {
    const { world, count } = mesh([]);
    expect(count()).toHaveLength(1);
    world.nowMs = 5001;
    expect(count()).toEqual([]);
  });

  it('knows by what was issued last that somebody who is away has it all', () => {
    const { ledger, count } = mesh(['web-1']);
    const record = ledger.outstanding()[0]!;
    ledger.note({ ...record, serial: 'bb', issuer: 'new', bundle: 'both' });
    expect(count()[0]).toMatchObject({ trustsPresent: true, leafIsPresent: true });
    // Who tells what it uses is believed, and waited for.
    ledger.note(record);
    ledger.used(record.serial, record.spiffeId);
    ledger.note({ ...record, serial: 'cc', issuer: 'new', bundle: 'both' });
    expect(count()[0]).toMatchObject({ trustsPresent: false, leafIsPresent: false });
    ledger.used('cc', record.spiffeId);
    expect(count()[0]).toMatchObject({ trustsPresent: true, leafIsPresent: true });
  });
});
