import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextStep, type RolloutPod } from './rollout.ts';

const nameOf = (ordinal: number): string => `a-${ordinal}`;
const pod = (name: string, hash: string, ready = true, stopping = false): RolloutPod => ({
  name,
  hash,
  ready,
  stopping,
});

describe('nextStep', () => {
  it('starts all replicas at once where nothing runs', () => {
    expect(nextStep({ replicas: 3, hash: 'x' }, [], nameOf)).toEqual({
      start: ['a-0', 'a-1', 'a-2'],
      stop: [],
    });
  });

  it('fills gaps in the names, past pods that are still stopping', () => {
    const pods = [pod('a-0', 'x', false, true), pod('a-2', 'x')];
    expect(nextStep({ replicas: 2, hash: 'x' }, pods, nameOf)).toEqual({ start: ['a-1'], stop: [] });
  });

  it('scales down, those that are not ready first', () => {
    const pods = [pod('a-0', 'x', false), pod('a-1', 'x'), pod('a-2', 'x')];
    expect(nextStep({ replicas: 2, hash: 'x' }, pods, nameOf)).toEqual({ start: [], stop: ['a-0'] });
    expect(nextStep({ replicas: 0, hash: 'x' }, pods, nameOf).stop).toHaveLength(3);
  });

  it('replaces one by one, the new one ready first', () => {
    const wanted = { replicas: 2, hash: 'y' };
    const old = [pod('a-0', 'x'), pod('a-1', 'x')];
    expect(nextStep(wanted, old, nameOf)).toEqual({ start: ['a-2'], stop: [] });
    expect(nextStep(wanted, [...old, pod('a-2', 'y', false)], nameOf)).toEqual({ start: [], stop: [] });
    expect(nextStep(wanted, [...old, pod('a-2', 'y')], nameOf)).toEqual({ start: [], stop: ['a-0'] });
  });

  it('does not wait for old pods that serve nobody', () => {
    expect(nextStep({ replicas: 1, hash: 'y' }, [pod('a-0', 'x', false)], nameOf).stop).toEqual(['a-0']);
  });

  it('from any state gets there, with no ready pod fewer than before or wanted', () => {
    const podsOf = fc.uniqueArray(
      fc.record({
        name: fc.nat(9).map(nameOf),
        hash: fc.constantFrom('x', 'y'),
        ready: fc.boolean(),
        stopping: fc.boolean(),
      }),
      { selector: (p) => p.name, maxLength: 8 },
    );
    fc.assert(
      fc.property(podsOf, fc.nat(4), (start, replicas) => {
        const wanted = { replicas, hash: 'y' };
        let pods: RolloutPod[] = start;
        const serving = (): number => pods.filter((p) => p.ready && !p.stopping).length;
        for (let round = 0; round < 60; round++) {
          const before = serving();
          const step = nextStep(wanted, pods, nameOf);
          pods = pods.map((p) => (step.stop.includes(p.name) ? { ...p, stopping: true, ready: false } : p));
          expect(serving()).toBeGreaterThanOrEqual(Math.min(before, replicas));
          if (step.start.length + step.stop.length === 0)
            pods = pods.filter((p) => !p.stopping).map((p) => ({ ...p, ready: true }));
          pods = [...pods, ...step.start.map((name) => pod(name, 'y', false))];
        }
        expect(pods.map((p) => p.hash)).toEqual(Array(replicas).fill('y'));
      }),
    );
  });
});
