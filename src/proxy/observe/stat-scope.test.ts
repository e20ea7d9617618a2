import { describe, expect, it } from 'vitest';
import { StatRegistry } from './stat-scope.ts';

describe('statistics of filters', () => {
  it('are one object per name, whoever asks', () => {
    const registry = new StatRegistry();
    const scope = registry.scope('http.ingress.');
    const delays = scope.scope('fault.').counter('delays_injected');
    delays.value += 2;
    registry.scope('http.ingress.fault.').counter('delays_injected').value++;
    scope.gauge('fault.active').value = 4;
    expect([...registry.entries()].map(([name, { ...fields }]) => [name, fields])).toEqual([
      ['http.ingress.fault.delays_injected', { value: 3 }],
      ['http.ingress.fault.active', { value: 4 }],
    ]);
    expect(delays.value).toBe(3);
  });

  it('many names are kept while they are held', () => {
    const registry = new StatRegistry();
    const held = Array.from({ length: 500 }, (_, i) => registry.scope('').counter(`a${i}`));
    expect([...registry.entries()].length).toBe(held.length);
  });
});
