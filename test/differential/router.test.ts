/**
 * The router against the real Envoy: every case is one listener in one bootstrap that starts both, every request goes
 * to both, and what reached the upstream and what came back have to be the same. Intended differences are in
 * cases.ts (withoutWords, comparable), each with its reason.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envoyForTests } from '../serve/envoy.ts';
import { type CasePair, startCases, withoutWords } from './cases.ts';
import { cases as actions } from './router/actions.ts';
import { cases as beyond } from './router/beyond.ts';
import { cases as headers } from './router/headers.ts';
import { cases as matching } from './router/matching.ts';
import { cases as paths } from './router/paths.ts';
import { cases as retries } from './router/retries.ts';

const families = { matching, actions, retries, beyond, paths, headers };
const all = Object.values(families).flat();
const binary = await envoyForTests();

describe.skipIf(binary === undefined)('weft does as Envoy does', () => {
  let pair: CasePair;
  beforeAll(async () => {
    pair = (await startCases(all)) as CasePair;
  });
  afterAll(() => pair?.stop());

  for (const [family, cases] of Object.entries(families))
    it(`in ${family}`, async () => {
      const differences: object[] = [];
      for (const one of cases)
        for (const request of one.requests) {
          const index = all.indexOf(one);
          const [envoy, weft] = [
            await pair.run('envoy', index, request),
            await pair.run('weft', index, request),
          ];
          const same = withoutWords({ envoy, weft });
          if (JSON.stringify(same.envoy) !== JSON.stringify(same.weft))
            differences.push({ case: one.name, request, ...same });
        }
      expect(differences).toEqual([]);
    });
});
