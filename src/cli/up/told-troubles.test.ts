import { expect, it, vi } from 'vitest';
import type { ObjectReport } from '../../server/contract.ts';
import { watchTroubles } from './told-troubles.ts';

const object = (
  name: string,
  messages: readonly string[],
  state: ObjectReport['state'] = 'ok',
): ObjectReport => ({
  ...{
    group: 'networking.istio.io',
    kind: 'VirtualService',
    namespace: 'shop',
    name,
    file: 'a.yaml',
    line: 1,
    state,
  },
  errors: messages.map((message) => ({ field: 'spec', message, line: 7 })),
  warnings: [{ field: '', message: 'old', line: 1 }],
  live: { proxies: 0, of: 0 } as ObjectReport['live'],
});

it('tells what is wrong once, and what comes later when it comes', async () => {
  const answers = [
    [object('a', ['leads nowhere'])],
    [object('a', ['leads nowhere'])],
    [object('a', ['leads nowhere']), object('b', ['no route'], 'invalid')],
    [],
    [object('a', ['leads nowhere'])],
  ];
  let revision = 0;
  const told: string[] = [];
  const watch = watchTroubles(
    async () => {
      if (revision === 1) {
        revision++;
        throw new Error('away');
      }
      return { revision, configuration: answers[Math.min(revision++, answers.length - 1)] ?? [] };
    },
    (sentence) => told.push(sentence),
    1,
  );
  await vi.waitFor(() => expect(revision).toBeGreaterThan(5), { timeout: 10_000 });
  watch.stop();
  expect(told).toEqual([
    'a.yaml:7: VirtualService shop/a: spec: leads nowhere',
    'a.yaml:7: VirtualService shop/b is not valid: spec: no route',
    'a.yaml:7: VirtualService shop/a: spec: leads nowhere',
  ]);
});
