import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fact, type Step, StepMemo } from './steps.ts';

type World = Readonly<Record<string, number | undefined>>;
const value: Fact<World, number | undefined> = { name: 'value', fetch: (world, key) => world[key] };
const parity: Step<World, { odd: boolean }> = {
  name: 'parity',
  run: (read, key) => ({ odd: (read.fact(value, key) ?? 0) % 2 === 1 }),
};
const bothOdd: Step<World, { all: boolean }> = {
  name: 'both',
  run: (read) => ({ all: read.of(parity, 'a').odd && read.of(parity, 'b').odd }),
};

describe('steps', () => {
  it('runs a step once as long as nothing it read changed', () => {
    const memo = new StepMemo<World>({ a: 1, b: 3, c: 0 });
    const first = memo.of(bothOdd, '');
    memo.advance({ a: 1, b: 3, c: 9 });
    expect(memo.of(bothOdd, '')).toBe(first);
    expect(memo.runs).toBe(3);
  });

  it('stops the spread at an equal result, which keeps its identity', () => {
    const memo = new StepMemo<World>({ a: 1, b: 3 });
    const first = memo.of(bothOdd, '');
    memo.advance({ a: 5, b: 3 });
    expect(memo.of(bothOdd, '')).toBe(first);
    expect(memo.runs).toBe(4);
  });

  it('reads what was absent again', () => {
    const memo = new StepMemo<World>({ a: 1 });
    expect(memo.of(bothOdd, '')).toEqual({ all: false });
    memo.advance({ a: 1, b: 1 });
    expect(memo.of(bothOdd, '')).toEqual({ all: true });
  });

  it('names the step that waits for itself, and goes on afterwards', () => {
    const memo = new StepMemo<World>({ a: 1 });
    const loop: Step<World, number> = {
      name: 'loop',
      run: (read, key) => (read.fact(value, key) === 1 ? read.of(loop, key) : 7),
    };
    expect(() => memo.of(loop, 'a')).toThrow(/step loop of "a" waits for itself/);
    memo.advance({ a: 2 });
    expect(memo.of(loop, 'a')).toBe(7);
  });

  it('forgets what nothing asks for any more', () => {
    const memo = new StepMemo<World>({ a: 1 });
    const first = memo.of(parity, 'a');
    for (let i = 0; i < 200; i++) memo.advance({ a: 1 });
    expect(memo.of(parity, 'a')).not.toBe(first);
  });

  it('gives after any changes what a fresh memo gives', () => {
    const sum: Step<World, number> = {
      name: 'sum',
      run: (read, key) => {
        const n = Number(key);
        const own = read.fact(value, key) ?? 0;
        return n === 0 || own % 3 === 0
          ? own
          : own + read.of(sum, String(n - 1)) + read.of(sum, String(n >> 1));
      },
    };
    const world = fc.dictionary(
      fc.constantFrom('0', '1', '2', '3', '4', '5'),
      fc.integer({ min: 0, max: 4 }),
    );
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 8 }), (worlds) => {
        const memo = new StepMemo<World>(worlds[0] as World);
        for (const next of worlds) {
          memo.advance(next);
          expect(memo.of(sum, '5')).toBe(new StepMemo<World>(next).of(sum, '5'));
        }
      }),
    );
  });

  describe('with sources', () => {
    /** Numbers in parts that are replaced as a whole. */
    type Parts = Readonly<Record<'left' | 'right', World>>;
    const parts = ['left', 'right'] as const;
    let fetches = 0;
    const facts = new Map(
      parts.map((part) => {
        const fetch = (world: Parts, key: string) => {
          fetches++;
          return world[part][key];
        };
        return [part, { name: part, fetch, source: (world: Parts) => world[part] }] as const;
      }),
    );
    const total: Step<Parts, number> = {
      name: 'total',
      // Where it looks depends on what it finds.
      run: (read, key) => {
        const n = Number(key);
        const part = parts[n % 2] ?? 'left';
        const own = read.fact(facts.get(part)!, key) ?? 0;
        if (n === 0 || own === 3) return own % 2;
        return (own + read.of(total, String(n - 1)) + (own === 1 ? read.of(total, String(n >> 1)) : 0)) % 3;
      },
    };

    it('does not look at what rests on unchanged sources alone', () => {
      const left = { '0': 1 };
      const memo = new StepMemo<Parts>({ left, right: { '1': 1 } });
      expect(memo.of(total, '0')).toBe(1);
      fetches = 0;
      memo.advance({ left, right: { '1': 2 } });
      expect(memo.of(total, '0')).toBe(1);
      expect(fetches).toBe(0);
      memo.advance({ left: { '0': 2 }, right: {} });
      expect(memo.of(total, '0')).toBe(0);
    });

    it('keeps what something in use rests on, though nothing looked at it for long', () => {
      const left = { '0': 1 };
      const memo = new StepMemo<Parts>({ left, right: { '1': 0 } });
      memo.of(total, '1');
      for (let i = 0; i < 200; i++) {
        memo.advance({ left, right: { '1': i % 3 } });
        memo.of(total, '1');
      }
      const { runs } = memo;
      memo.of(total, '0');
      expect(memo.runs).toBe(runs);
    });

    it('gives after any changes what a fresh memo gives, whoever asked when', () => {
      const keys = ['0', '1', '2', '3', '4', '5', '6'];
      const part = fc.dictionary(fc.constantFrom(...keys), fc.integer({ min: 0, max: 4 }));
      const change = fc.record({
        left: fc.option(part, { nil: undefined }),
        right: fc.option(part, { nil: undefined }),
        asked: fc.subarray(keys),
      });
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
          let world: Parts = { left: {}, right: {} };
          const memo = new StepMemo<Parts>(world);
          for (const { left, right, asked } of changes) {
            world = { left: left ?? world.left, right: right ?? world.right };
            memo.advance(world);
            for (const key of asked)
              expect(memo.of(total, key)).toBe(new StepMemo<Parts>(world).of(total, key));
          }
        }),
        { numRuns: 500 },
      );
    });
  });
});
