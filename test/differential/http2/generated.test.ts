import { afterAll, expect, it } from 'vitest';
import { startPairOf } from '../harness.ts';
import { httpBootstrap } from '../http-bootstrap.ts';
import { DIRECTIONS, directionOf } from './recipe.ts';
import { type AnyPair, describeDifference, listen, search, shrink } from './search.ts';

/** More by `WEFT_DIFFERENTIAL_REQUESTS=50000`; another beginning by `WEFT_DIFFERENTIAL_SEED=1`. */
const count = Number(process.env['WEFT_DIFFERENTIAL_REQUESTS'] ?? 2000);
const first = Number(process.env['WEFT_DIFFERENTIAL_SEED'] ?? 1);
/** Differences that are made small and printed. */
const maxShown = 5;
const LANES = 4 * DIRECTIONS.length;

/** Weft's default, not Envoy's: a bad message ends its stream, not the connection. */
const BAD_STREAM_ONLY = { override_stream_error_on_invalid_http_message: true };

let pair: AnyPair | undefined;
afterAll(() => pair?.stop());

it(`${count} generated connections with HTTP/2 on either side end alike on Envoy and on weft`, {
  timeout: 120_000 + count * 50,
}, async (test) => {
  const upstreamHttpOf = (lane: number): object | undefined =>
    directionOf(lane).endsWith('2')
      ? { explicit_http_config: { http2_protocol_options: BAD_STREAM_ONLY } }
      : undefined;
  pair = await startPairOf(
    httpBootstrap({ upstreamHttpOf, manager: { http2_protocol_options: BAD_STREAM_ONLY } }),
    LANES,
    LANES,
    listen,
  );
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  const startMs = Date.now();
  const found = await search(pair, first, count);
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  console.log(
    `differential http2: ${count} connections in ${seconds} s, ${found.length} unintended differences`,
  );
  const shown: string[] = [];
  for (const one of found.slice(0, maxShown)) shown.push(describeDifference(await shrink(pair, one)));
  expect(shown.join('\n'), 'docs/envoy-differences.md lists what may differ').toBe('');
});
