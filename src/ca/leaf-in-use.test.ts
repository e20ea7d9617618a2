import { describe, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { encodeLeafInUse } from '../wire/identity/leaf-in-use.ts';
import type { Authentication } from './authenticate.ts';
import { makeLeafInUse } from './leaf-in-use.ts';
import { openLedger } from './rotation/ledger.ts';

function service(caller: Authentication | Error) {
  const ledger = openLedger({
    stored: undefined,
    save: async () => {},
    clock: systemClock,
    maxTtlMs: 1000,
    onError: () => {},
  });
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';
  const common = { address: '10.0.0.1', issuer: 'a', bundle: 'b', notAfterMs: Date.now() + 60_000 };
  ledger.note({ ...common, spiffeId, pod: 'web-1', serial: 'aa' });
  const leafInUse = makeLeafInUse(ledger, async () => {
    if (caller instanceof Error) throw caller;
    return caller;
  });
  const tell = (serial: string) => leafInUse({ request: encodeLeafInUse(serial) });
  return { tell, isInUse: () => ledger.outstanding()[0]?.inUse };
}

const as = (serviceAccount: string): Authentication => ({
  ok: true,
  by: 'token',
  identity: { trustDomain: 'cluster.local', namespace: 'default', serviceAccount },
  pod: undefined,
});

describe('That a certificate is in use', () => {
  it('is believed of its holder', async () => {
    const { tell, isInUse } = service(as('web'));
    expect(await tell('AA')).toBeUndefined();
    expect(isInUse()).toBe(true);
  });

  it('is not believed of others, who learn nothing', async () => {
    const { tell, isInUse } = service(as('thief'));
    expect(await tell('aa')).toBeUndefined();
    expect(isInUse()).toBe(false);
  });

  it('is not heard from who proves nothing, and not lost where nobody can be judged', async () => {
    const refused = service({ ok: false, code: 'no_credentials', reason: 'nothing' });
    expect(await refused.tell('aa')).toEqual({ status: 16, message: 'nothing' });
    const away = service(new Error('the keys cannot be read'));
    expect(await away.tell('aa')).toMatchObject({ status: 14 });
    expect([refused.isInUse(), away.isInUse()]).toEqual([false, false]);
  });
});
