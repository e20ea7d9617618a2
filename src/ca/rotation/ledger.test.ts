import { describe, expect, it } from 'vitest';
import { type Issuance, openLedger } from './ledger.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';
const issuance = (changes: Partial<Issuance> = {}): Issuance => ({
  spiffeId,
  pod: 'web-1',
  address: '10.0.0.1',
  serial: 'aa',
  issuer: 'old',
  bundle: 'b1',
  notAfterMs: 10_000,
  ...changes,
});

function open(stored?: string) {
  const world = { nowMs: 1000, saved: [] as string[], errors: [] as unknown[], due: () => {} };
  const ledger = openLedger({
    stored,
    save: async (text) => void world.saved.push(text),
    clock: {
      nowMs: () => world.nowMs,
      monotonicMs: () => world.nowMs,
      setTimeout(callback) {
        world.due = callback;
        return { cancel: () => {} };
      },
    },
    maxTtlMs: 90_000,
    onError: (error) => world.errors.push(error),
  });
  return { world, ledger };
}

describe('The list of certificates that are out', () => {
  it('knows the last one of each holder until it expires', () => {
    const { world, ledger } = open();
    ledger.note(issuance());
    ledger.note(issuance({ serial: 'bb', issuer: 'new' }));
    ledger.note(issuance({ serial: 'cc', pod: 'web-2', notAfterMs: 5000 }));
    expect(ledger.outstanding().map(({ serial }) => serial)).toEqual(['bb', 'cc']);
    world.nowMs = 6000;
    expect(ledger.outstanding().map(({ serial }) => serial)).toEqual(['bb']);
  });

  it('takes the word of the holder for what is in use, and of nobody else', () => {
    const { ledger } = open();
    ledger.note(issuance());
    expect(ledger.used('aa', 'spiffe://cluster.local/ns/default/sa/other')).toBe(false);
    expect(ledger.used('zz', spiffeId)).toBe(false);
    expect(ledger.outstanding()[0]).toMatchObject({ inUse: false, tells: false });
    expect(ledger.used('aa', spiffeId)).toBe(true);
    ledger.note(issuance({ serial: 'bb', issuer: 'new' }));
    // It told before: now it is waited for until it tells again.
    expect(ledger.outstanding()[0]).toMatchObject({ serial: 'bb', inUse: false, tells: true });
    expect(ledger.used('aa', spiffeId)).toBe(false);
  });

  it('goes on to take for used what was of the same signer and bundle, until the next is', () => {
    const { ledger } = open();
    ledger.note(issuance());
    ledger.used('aa', spiffeId);
    ledger.note(issuance({ serial: 'bb' }));
    expect(ledger.outstanding()[0]).toMatchObject({ serial: 'bb', inUse: true });
    ledger.note(issuance({ serial: 'cc', bundle: 'other' }));
    expect(ledger.outstanding()[0]).toMatchObject({ serial: 'cc', inUse: false });
  });

  it('knows who renews by certificate, wherever it calls from', () => {
    const { ledger } = open();
    ledger.note(issuance());
    const { pod: _, ...noPod } = issuance({ serial: 'bb', address: '10.9.9.9', provedBySerial: 'aa' });
    ledger.note(noPod);
    expect(ledger.outstanding()).toMatchObject([{ serial: 'bb', pod: 'web-1' }]);
  });

  it('outlives a restart, without keys or tokens', async () => {
    const { world, ledger } = open();
    ledger.note(issuance());
    ledger.used('aa', spiffeId);
    ledger.sawInMesh(ledger.outstanding()[0]!);
    await ledger.flush();
    const again = open(world.saved.at(-1)).ledger;
    expect(again.outstanding()).toEqual(ledger.outstanding());
    expect(again.blindUntilMs).toBeUndefined();
    expect(again.outstanding()[0]).toMatchObject({ inUse: true, wasInMesh: true });
  });

  it('that cannot be read makes a rotation wait, not hurry', () => {
    const { world, ledger } = open('torn');
    expect(world.errors).toHaveLength(1);
    expect(ledger.blindUntilMs).toBe(91_000);
  });
});
