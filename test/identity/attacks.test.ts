import { afterEach, describe, expect, it } from 'vitest';
import { makeLeafOf } from '../../src/testing/certificates.ts';
import { eventually } from '../mesh/eventually.ts';
import { get } from '../mesh/load.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { attackers } from './attackers.ts';
import { callAs } from './call-as.ts';
import { type Pair, startPair } from './pair.ts';

const envoy = await envoyForTests();
let pair: Pair | undefined;
afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

/**
 * What Envoy lets in (docs/envoy-differences.md): of two URIs one that fits is enough, and it does not ask whether who shows
 * a certificate might sign others. The CA signs no such leaf.
 */
const TAKEN_BY_ENVOY = ['ca_leaf', 'two_uris'];

describe('Certificates of attackers', () => {
  it.for(['weft', 'envoy'] as const)(
    'open no connection to %s, and those who came in go on',
    { timeout: 120_000 },
    async (plane, test) => {
      if (plane === 'envoy' && envoy === undefined) return test.skip('there is no Envoy');
      pair = await startPair({ planes: { front: 'weft', back: plane, aside: 'weft' }, envoy, leafTtlS: 600 });
      const { url, backPort, keyDir } = pair;
      await eventually(async () => expect((await get(url, undefined)).status).toBe(200), 30_000);
      const good = await makeLeafOf(keyDir, 'spiffe://cluster.local/ns/default/sa/front');
      expect(await callAs(backPort, good)).toBe(200);
      const entered: string[] = [];
      for (const [what, shown] of await attackers(keyDir))
        if ((await callAs(backPort, shown)) !== 'refused') entered.push(what);
      expect(entered).toEqual(plane === 'envoy' ? TAKEN_BY_ENVOY : []);
      expect(await callAs(backPort, good)).toBe(200);
      expect((await get(url, undefined)).status).toBe(200);
    },
  );
});
