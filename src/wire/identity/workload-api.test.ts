import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { makeTestCa, makeTestLeaf } from '../../testing/certificates.ts';
import { createGrpcClient, type GrpcClient } from '../grpc/client.ts';
import { network } from '../net.ts';
import type { WorkloadApi } from './workload-api.ts';
import { FETCH_X509_BUNDLES_PATH, FETCH_X509_SVID_PATH, type WorkloadState } from './workload-messages.ts';
import { openWorkloadSocket } from './workload-socket.ts';

const security = ['workload.spiffe.io', 'true'];
let folder: string;
let path: string;
let api: WorkloadApi;
let client: GrpcClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-spiffe-'));
  path = join(folder, 's');
  api = await openWorkloadSocket({ network, clock: systemClock, path });
  client = createGrpcClient({
    clock: systemClock,
    authority: 'localhost',
    connect: (signal) => network.connect({ path, timeoutMs: 5000, signal }),
  });
});

afterEach(async () => {
  client.close();
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

async function state(): Promise<WorkloadState> {
  const ca = await makeTestCa();
  const { chainPem, keyPem } = await makeTestLeaf(ca, 'default', 'web');
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';
  return { spiffeId, leaf: { chainPem, privateKeyPem: keyPem }, rootsPem: ca.rootsPem };
}

/** Messages and the end of a stream. */
function follow(method: string, metadata: readonly string[] = security) {
  const seen = { messages: [] as Uint8Array[], code: undefined as number | undefined };
  const stream = client.stream(
    method,
    {
      onMessage: (message) => void seen.messages.push(message),
      onEnd: ({ code }) => void (seen.code = code),
    },
    { metadata },
  );
  stream.send(new Uint8Array());
  stream.end();
  return seen;
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 4000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}

describe('The Workload API', () => {
  it('gives what there is, and each change after it; who comes early waits', async () => {
    const svids = follow(FETCH_X509_SVID_PATH);
    const bundles = follow(FETCH_X509_BUNDLES_PATH);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(svids.messages).toHaveLength(0);
    api.changed(await state());
    await until(() => svids.messages.length === 1 && bundles.messages.length === 1);
    expect(Buffer.from(svids.messages[0]!).includes('spiffe://cluster.local/ns/default/sa/web')).toBe(true);
    expect(Buffer.from(bundles.messages[0]!).includes('spiffe://cluster.local')).toBe(true);
    api.changed(await state());
    await until(() => svids.messages.length === 2 && bundles.messages.length === 2);
  });

  it.each([
    [[]],
    [['workload.spiffe.io', 'false']],
    [['workload.spiffe.io', 'true', 'workload.spiffe.io', 'true']],
  ])('refuses calls without the metadata that no web page can send: %j', async (metadata) => {
    api.changed(await state());
    const seen = follow(FETCH_X509_SVID_PATH, metadata);
    await until(() => seen.code !== undefined);
    expect([seen.code, seen.messages.length]).toEqual([3, 0]);
  });

  it('offers no JWT-SVIDs', async () => {
    const seen = follow('/SpiffeWorkloadAPI/FetchJWTSVID');
    await until(() => seen.code !== undefined);
    expect(seen.code).toBe(12);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'belongs to the user that it is made for, who alone may open it',
    async () => {
      const uid = 65_533;
      const own = await openWorkloadSocket({ network, clock: systemClock, path: `${path}-own`, uid });
      const { mode, uid: owner } = lstatSync(`${path}-own`);
      expect([mode & 0o777, owner]).toEqual([0o600, uid]);
      await own.close();
    },
  );

  it('hands out the bundles of other trust domains too, the own one first and once', async () => {
    const { rootsPem } = await makeTestCa('other.example');
    const own = await state();
    const trusted = [
      { trustDomain: 'cluster.local', rootsPem: own.rootsPem },
      { trustDomain: 'other.example', rootsPem },
    ];
    api.changed({ ...own, trusted });
    const bundles = follow(FETCH_X509_BUNDLES_PATH);
    const svids = follow(FETCH_X509_SVID_PATH);
    await until(() => bundles.messages.length === 1 && svids.messages.length === 1);
    const domains = (message: Uint8Array | undefined) =>
      [
        ...Buffer.from(message!)
          .toString('latin1')
          .matchAll(/\n.spiffe:\/\/([a-z.]+)\x12/g),
      ].map(([, name]) => name);
    expect(domains(bundles.messages[0])).toEqual(['cluster.local', 'other.example']);
    expect(domains(svids.messages[0])).toContain('other.example');
    // Whoever is not trusted any more is gone from the next message.
    api.changed(own);
    await until(() => bundles.messages.length === 2);
    expect(domains(bundles.messages[1])).toEqual(['cluster.local']);
  });

  it('is for the owner of the socket, and leaves that of a successor alone', async () => {
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    const successor = await openWorkloadSocket({ network, clock: systemClock, path });
    const { ino } = lstatSync(path);
    await api.close();
    expect(lstatSync(path).ino).toBe(ino);
    await successor.close();
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});
