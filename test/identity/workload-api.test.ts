import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { REQUEST_FILE } from '../../src/ca/rotation/store.ts';
import { openssl } from '../../src/testing/openssl.ts';
import { eventually } from '../mesh/eventually.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type Pair, startPair } from './pair.ts';
import { type Heard, runSpiffeClient, spiffeClient } from './spiffe-client.ts';

// Software that knows SPIFFE and nothing of weft (go-spiffe) takes its identity from a proxy: from weft's own, and from
// the agent beside an Envoy. It hears of a new root before anything is signed with it.

const envoy = await envoyForTests();
let pair: Pair | undefined;
const clients: { stop(): void }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.stop();
  await pair?.stop();
  pair = undefined;
});

it.for(['weft', 'envoy'] as const)(
  'go-spiffe takes its identity from %s, and follows a rotation of the root',
  { timeout: 600_000 },
  async (plane, test) => {
    const client = spiffeClient();
    if ('reason' in client) return test.skip(client.reason);
    if (plane === 'envoy' && envoy === undefined) return test.skip('there is no Envoy');
    pair = await startPair({ planes: { front: plane, back: 'weft', aside: 'weft' }, envoy, leafTtlS: 60 });
    const { keyDir, ca } = pair;
    const socket = pair.workloadApi('front');
    await eventually(() => expect(statSync(socket).isSocket()).toBe(true), 30_000);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const { heard, stop } = runSpiffeClient(client.file, socket);
    clients.push({ stop });
    const svids = (): readonly Heard[] => heard.filter(({ event }) => event === 'svid');
    await eventually(() => expect(svids()).toHaveLength(1), 30_000);

    const id = 'spiffe://cluster.local/ns/default/sa/front';
    expect(heard.slice(0, 2)).toEqual([
      { event: 'jwt', code: 'Unimplemented' },
      { event: 'bundle', trustDomain: 'cluster.local', bundle: expect.stringContaining('BEGIN CERTIFICATE') },
    ]);
    expect(svids()[0]).toMatchObject({ id, verified: id, bundle: heard[1]?.bundle });
    expect(verify(pair.folder, svids()[0])).toContain('leaf.pem: OK');

    await eventually(async () => expect((await ca()).leaves.total).toBe(3), 30_000);
    writeFileSync(join(keyDir, REQUEST_FILE), '');
    await eventually(async () => expect((await ca()).roots).toHaveLength(2), 30_000);
    await eventually(async () => expect((await ca()).phase).toBe('stable'), 60_000);
    await eventually(() => expect(svids().at(-1)?.bundle).not.toBe(svids()[0]?.bundle));
    const { bundlePem } = await ca();
    await eventually(() => expect(svids().at(-1)?.bundle).toBe(bundlePem));
    expect(verify(pair.folder, svids().at(-1))).toContain('leaf.pem: OK');
    // At every moment the certificate led to a root of the bundle that came with it.
    expect(svids().every(({ verified }) => verified === id)).toBe(true);
    expect(heard.filter(({ event }) => event === 'error')).toEqual([]);
    expect(svids().some(({ bundle = '' }) => bundle.split('BEGIN').length === 3)).toBe(true);
  },
);

/** What `openssl verify` says of a certificate and the bundle it came with. */
function verify(folder: string, svid: Heard | undefined): string {
  writeFileSync(join(folder, 'leaf.pem'), svid?.chain ?? '');
  writeFileSync(join(folder, 'bundle.pem'), svid?.bundle ?? '');
  return openssl(['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', 'bundle.pem', 'leaf.pem'], {
    cwd: folder,
  }).text;
}
