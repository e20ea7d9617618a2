/**
 * Every HTTP filter against the real Envoy: one listener per configuration in one bootstrap that starts both, the same
 * requests to each; what reached the upstreams, what came back with response code details and flags, and the filters'
 * own statistics have to be the same.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envoyForTests } from '../serve/envoy.ts';
import * as families from './filters/cases.ts';
import { type Observed, type ProxyPair, startPair, withoutWords } from './router-harness.ts';

const all = Object.values(families).flat();
const binary = await envoyForTests();
const FILTER_STATS =
  /^http\.case\.(rbac|fault|cors|jwt_authn|ext_authz|buffer|compressor)\.|http_local_rate_limit|^cluster\.\w+\.(ext_authz|ratelimit|grpc)\./;
/** Of work that weft does not do: it keeps no tokens, and fetches no keys here. */
const LEFT_OUT = /jwt_cache|jwks_fetch/;

/**
 * Upstream requests and answer, line by line. A connection is closed by Envoy after 413, and kept by weft, which reads
 * the rest of the request.
 */
function linesOf({ upstream, answer }: Observed): string[] {
  const kept = /^HTTP\/1.1 413/.test(answer) ? answer.replace('\nconnection: close', '') : answer;
  return [...upstream, kept].flatMap((text, i) => text.split('\n').map((line) => `${i} ${line}`));
}

/** What only Envoy has (-) and what only weft has (+). */
function differing(envoy: readonly string[], weft: readonly string[]): string[] {
  return [
    ...envoy.filter((line) => !weft.includes(line)).map((line) => `- ${line}`),
    ...weft.filter((line) => !envoy.includes(line)).map((line) => `+ ${line}`),
  ];
}

describe.skipIf(binary === undefined)('filters do as Envoy’s do', () => {
  let pair: ProxyPair;
  beforeAll(async () => {
    pair = await startPair(binary as string, all);
  });
  afterAll(() => pair?.stop());

  for (const [family, cases] of Object.entries(families))
    it(`in ${family}`, async () => {
      const differences: string[] = [];
      for (const one of cases)
        for (const request of one.requests) {
          const index = all.indexOf(one);
          const [envoy, weft] = [
            await pair.run('envoy', index, request),
            await pair.run('weft', index, request),
          ];
          const same = withoutWords({ envoy, weft });
          const lines = differing(linesOf(same.envoy), linesOf(same.weft));
          if (lines.length > 0) differences.push([one.name, request, ...lines].join('\n'));
        }
      expect(differences).toEqual([]);
    });

  it('in what is counted', async () => {
    const counted = async (side: 'envoy' | 'weft'): Promise<string[]> =>
      (await pair.stats(side, FILTER_STATS))
        .filter((line) => !line.endsWith(': 0') && !LEFT_OUT.test(line))
        .sort();
    expect(await counted('weft')).toEqual(await counted('envoy'));
  });
});
