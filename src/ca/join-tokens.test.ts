import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/openssl.ts';
import { createJoinToken, joinTokens } from './join-tokens.ts';

const order = { namespace: 'vms', workload: 'db-1', serviceAccount: 'db', ttlS: 60 };
const take = (folder: string, token: string, nowMs = 1000) =>
  joinTokens(folder, () => nowMs).take(`Bearer ${token}`, 'cluster.local');

describe('A one-time token', () => {
  it('gives its identity once, also to two that come at once and after a restart', async () => {
    using folder = temporaryFolder();
    const token = await createJoinToken(folder.path, order, 0);
    const both = await Promise.all([take(folder.path, token), take(folder.path, token)]);
    const good = both.filter((one) => one?.ok);
    expect(good).toEqual([
      {
        ok: true,
        by: 'join-token',
        identity: { trustDomain: 'cluster.local', namespace: 'vms', serviceAccount: 'db' },
        pod: 'db-1',
      },
    ]);
    expect(await take(folder.path, token)).toMatchObject({ ok: false, code: 'bad_join_token' });
  });

  it('is kept as a hash, in a file of its owner alone', async () => {
    using folder = temporaryFolder();
    const token = await createJoinToken(folder.path, order, 0);
    const [name = ''] = readdirSync(join(folder.path, 'join-tokens'));
    const file = join(folder.path, 'join-tokens', name);
    expect(readFileSync(file, 'utf8')).not.toContain(token.split('.')[2]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('ends in time; a wrong guess neither passes nor uses it up', async () => {
    using folder = temporaryFolder();
    const token = await createJoinToken(folder.path, order, 0);
    expect(await take(folder.path, token, 60_001)).toMatchObject({ ok: false });
    const guess = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    expect(await take(folder.path, guess)).toMatchObject({ ok: false });
    expect(await take(folder.path, `weft-join.${'0'.repeat(16)}.${'A'.repeat(43)}`)).toMatchObject({
      ok: false,
    });
    expect(await take(folder.path, token)).toMatchObject({ ok: true });
  });

  it.each(['weft-join.', 'weft-join.../../etc.x', `weft-join.${'a'.repeat(100_000)}`, 'ey.J.x'])(
    'is not seen in %j',
    (text) => {
      expect(take('/nowhere', text)).toBeUndefined();
    },
  );

  it.each([
    [{ ...order, ttlS: 0 }],
    [{ ...order, ttlS: 8 * 86_400 }],
    [{ ...order, namespace: '../x' }],
    [{ ...order, serviceAccount: 'A B' }],
  ])('is not made for %j', async (wrong) => {
    using folder = temporaryFolder();
    await expect(createJoinToken(folder.path, wrong, 0)).rejects.toThrow(RangeError);
  });
});
