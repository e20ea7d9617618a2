import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { FIRST_RETRY_MS, KeySets, REFRESH_MS, type StoredKeySet } from './key-sets.ts';

const URI = 'https://login.example.com/keys';

/** Key sets over answers that a test gives, one after the other. */
function started(
  answers: readonly (string | Error)[],
  shelved: ReadonlyMap<string, StoredKeySet> = new Map(),
) {
  const clock = manualClock();
  const left = [...answers];
  let written = new Map<string, StoredKeySet>();
  let changes = 0;
  const world = {
    clock,
    random: seededRandom(1),
    fetch: async () => {
      const answer = left.shift() ?? new Error('no answer left');
      if (answer instanceof Error) throw answer;
      return answer;
    },
    shelf: {
      read: () => shelved,
      write: (all: ReadonlyMap<string, StoredKeySet>) => void (written = new Map(all)),
    },
  };
  const keySets = new KeySets(world, () => void changes++);
  keySets.want(new Map([[URI, 1000]]));
  const settle = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { keySets, settle, written: () => written, changes: () => changes };
}

describe('key sets', () => {
  it('are fetched at once and again after a while', async () => {
    const { keySets, settle, written } = started(['{"keys":[1]}', '{"keys":[2]}']);
    expect(keySets.current.get(URI)).toEqual({
      keys: undefined,
      problem: expect.stringContaining('first time'),
    });
    await settle(0);
    expect(keySets.current.get(URI)).toEqual({ keys: '{"keys":[1]}', problem: '' });
    await settle(REFRESH_MS * 1.2);
    expect(keySets.current.get(URI)?.keys).toBe('{"keys":[2]}');
    expect(written().get(URI)?.keys).toBe('{"keys":[2]}');
  });

  it('stay as they were while none newer can be had, and say since when', async () => {
    const { keySets, settle } = started(['{"keys":[1]}', new Error('nobody answers'), '{"keys":[3]}']);
    await settle(0);
    await settle(REFRESH_MS * 1.2);
    expect(keySets.current.get(URI)).toEqual({
      keys: '{"keys":[1]}',
      problem: expect.stringMatching(/nobody answers; the keys of .* stay in use/),
    });
    await settle(FIRST_RETRY_MS * 1.2);
    expect(keySets.current.get(URI)).toEqual({ keys: '{"keys":[3]}', problem: '' });
  });

  it('of an earlier life of the process are good until there are newer ones', async () => {
    const shelved = new Map([[URI, { keys: '{"keys":[0]}', fetchedAtMs: 0 }]]);
    const { keySets, settle } = started([new Error('away')], shelved);
    expect(keySets.current.get(URI)?.keys).toBe('{"keys":[0]}');
    await settle(0);
    expect(keySets.current.get(URI)?.keys).toBe('{"keys":[0]}');
  });

  it('that nobody wants any more are forgotten', async () => {
    const { keySets, settle, changes } = started(['{"keys":[1]}']);
    await settle(0);
    const before = changes();
    keySets.want(new Map());
    expect(keySets.current.size).toBe(0);
    expect(changes()).toBe(before + 1);
  });
});
