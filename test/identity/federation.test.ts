import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeLeafOf, makeTestCa, makeTestLeaf, type TestCa } from '../../src/testing/certificates.ts';
import { eventually } from '../mesh/eventually.ts';
import { get } from '../mesh/load.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { callAs } from './call-as.ts';
import { type Pair, startPair } from './pair.ts';
import { type Heard, runSpiffeClient, spiffeClient } from './spiffe-client.ts';

// Workloads of other trust domains and of older names of the own one: let in when the mesh configuration says so, at once
// and on weft and Envoy alike, each by the roots of its own trust domain and by no other.

const envoy = await envoyForTests();
let pair: Pair | undefined;
const clients: { stop(): void }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.stop();
  await pair?.stop();
  pair = undefined;
});

it.for(['weft', 'envoy'] as const)(
  'peers of a federated trust domain enter %s by its own roots alone, while the configuration names it',
  { timeout: 600_000 },
  async (plane, test) => {
    if (plane === 'envoy' && envoy === undefined) return test.skip('there is no Envoy');
    pair = await startPair({ planes: { front: 'weft', back: plane, aside: 'weft' }, envoy, leafTtlS: 600 });
    const { url, backPort, folder, keyDir } = pair;
    await eventually(async () => expect((await get(url, undefined)).status).toBe(200), 60_000);

    const other = await makeTestCa('other.example', { intermediate: true });
    const third = await makeTestCa('third.example');
    const callers = {
      own: await makeLeafOf(keyDir, 'spiffe://cluster.local/ns/default/sa/front'),
      alias: await makeLeafOf(keyDir, 'spiffe://old.example/ns/default/sa/front'),
      other: await makeTestLeaf(other, 'shop', 'web'),
      third: await makeTestLeaf(third, 'shop', 'web'),
      // The root of one speaks for another, the mesh's own among them.
      otherAsOwn: await leafAs(other, 'cluster.local'),
      otherAsThird: await leafAs(other, 'third.example'),
      ownAsOther: await makeLeafOf(keyDir, 'spiffe://other.example/ns/shop/sa/web'),
    };
    type Caller = keyof typeof callers;
    const names = Object.keys(callers) as Caller[];
    const entering = async (): Promise<readonly Caller[]> => {
      const answers = await Promise.all(names.map((name) => callAs(backPort, callers[name])));
      expect(answers.filter((answer) => answer !== 200 && answer !== 'refused')).toEqual([]);
      return names.filter((_, i) => answers[i] === 200);
    };
    const configured = (mesh: object): void =>
      writeFileSync(join(folder, 'mesh', 'mesh-config.yaml'), meshConfigMap(mesh));
    const becomes = (expected: readonly Caller[]) =>
      eventually(async () => expect(await entering()).toEqual(expected), 20_000);

    expect(await entering()).toEqual(['own']);
    configured({ trustDomainAliases: ['old.example'] });
    await becomes(['own', 'alias']);
    const federated = [{ pem: other.rootsPem, trustDomains: ['other.example'] }];
    configured({ caCertificates: federated });
    await becomes(['own', 'other']);
    configured({
      trustDomainAliases: ['old.example'],
      caCertificates: [...federated, { pem: third.rootsPem, trustDomains: ['third.example'] }],
    });
    await becomes(['own', 'alias', 'other', 'third']);
    expect((await get(url, undefined)).status).toBe(200);

    const client = spiffeClient();
    if ('file' in client) {
      // What another program is told: its own trust domain first, then who else is trusted.
      const { heard, stop } = runSpiffeClient(client.file, pair.workloadApi('back'));
      clients.push({ stop });
      const bundles = (): readonly Heard[] => heard.filter(({ event }) => event === 'bundle');
      await eventually(() => expect(bundles()).toHaveLength(4), 30_000);
      const told = new Map(bundles().map(({ trustDomain, bundle }) => [trustDomain, bundle]));
      expect([...told.keys()].sort()).toEqual([
        'cluster.local',
        'old.example',
        'other.example',
        'third.example',
      ]);
      expect(told.get('other.example')?.trim()).toBe(other.rootsPem.trim());
      const svid = (): Heard | undefined => heard.findLast(({ event }) => event === 'svid');
      await eventually(() => expect(svid()?.trusts).toHaveLength(4));
      // A change reaches who listens.
      configured({ caCertificates: federated });
      await eventually(() => expect(svid()?.trusts).toEqual(['cluster.local', 'other.example']), 20_000);
    }

    rmSync(join(folder, 'mesh', 'mesh-config.yaml'));
    await becomes(['own']);
    expect((await get(url, undefined)).status).toBe(200);
  },
);

function leafAs(ca: TestCa, trustDomain: string) {
  return makeTestLeaf(ca, 'shop', 'web', { uris: [`spiffe://${trustDomain}/ns/shop/sa/web`] });
}

function meshConfigMap(mesh: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: JSON.stringify(mesh) },
  });
}
