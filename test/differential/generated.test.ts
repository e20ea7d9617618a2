import { afterAll, expect, it } from 'vitest';
import { type Pair, startPair } from './harness.ts';
import { httpBootstrap } from './http-bootstrap.ts';
import { describeDifference, search, shrink } from './search.ts';

/** More by `WEFT_DIFFERENTIAL_REQUESTS=50000`; another beginning by `WEFT_DIFFERENTIAL_SEED=1`. */
const count = Number(process.env['WEFT_DIFFERENTIAL_REQUESTS'] ?? 3000);
const first = Number(process.env['WEFT_DIFFERENTIAL_SEED'] ?? 1);
/** Differences that are made small and printed. */
const maxShown = 5;

let pair: Pair | undefined;
afterAll(() => pair?.stop());

it(`${count} generated connections of HTTP/1, valid, odd and hostile, end alike on Envoy and on weft`, {
  timeout: 120_000 + count * 50,
}, async (test) => {
  pair = await startPair(httpBootstrap(), 8);
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  const startMs = Date.now();
  const found = await search(pair, first, count);
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  console.log(`differential: ${count} connections in ${seconds} s, ${found.length} unintended differences`);
  const shown: string[] = [];
  for (const one of found.slice(0, maxShown)) shown.push(describeDifference(await shrink(pair, one)));
  expect(shown.join('\n'), 'docs/envoy-differences.md lists what may differ').toBe('');
});
