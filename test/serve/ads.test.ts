import { credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { proxyStatusOf } from '../../src/control/serve/proxy-status.ts';
import { typeUrls } from '../../src/xds/resources.ts';
import { type AdsClient, type AdsClientOptions, adsClient, until } from './ads-client.ts';
import { type PlainMesh, type PlainMeshOptions, plainMesh } from './plain-mesh.ts';

const { cluster, endpoint, secret } = typeUrls;
const nodeId = 'sidecar~10.244.0.1~reviews-1.default~default.svc.cluster.local';
const workload = { namespace: 'default', name: 'reviews-1', serviceAccount: 'reviews' };

let mesh: PlainMesh;
const clients: AdsClient[] = [];

async function start(options?: PlainMeshOptions): Promise<PlainMesh> {
  mesh = await plainMesh({ workloads: [workload], ...options });
  return mesh;
}

function client(options: Partial<AdsClientOptions>): AdsClient {
  const made = adsClient({ port: mesh.plainPort, nodeId, subscribe: { [cluster]: ['*'] }, ...options });
  clients.push(made);
  return made;
}

async function proven(options: Partial<AdsClientOptions> = {}, pod = 'reviews-1', account = 'reviews') {
  const token = await mesh.token('default', account, pod);
  return client({ port: mesh.securePort, rootsPem: mesh.rootsPem, token, ...options });
}

afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  await mesh.close();
});

const chainWith = (name: string) => ({
  transport_socket: {
    typed_config: { common_tls_context: { tls_certificate_sds_secret_configs: [{ name }] } },
  },
});
const clusterOf = (name: string, seconds = 1) => ({ name, type: 'EDS', connect_timeout: `${seconds}s` });

describe('ADS on the ports of the control plane', () => {
  it('sends a change to a proxy that has proved who it is, within milliseconds', async () => {
    await start();
    mesh.set({ clusters: [clusterOf('a')] });
    const proxy = await proven();
    await until(() => proxy.held.get(cluster)?.has('a') === true);
    mesh.set({ clusters: [clusterOf('a', 2), clusterOf('b')] });
    await until(() => proxy.held.get(cluster)?.has('b') === true);
    expect(proxy.held.get(cluster)?.get('a')).toMatchObject({ name: 'a', connect_timeout: '2s' });
    await until(() => mesh.fleet.streams()[0]?.record.lastPushMs !== undefined);
    const [stream] = mesh.fleet.streams();
    expect(proxyStatusOf(stream!, true)).toMatchObject({
      name: 'reviews-1.default',
      identity: 'spiffe://cluster.local/ns/default/sa/reviews',
      state: 'synced',
      types: [{ type: 'clusters', state: 'synced', resources: 2 }],
    });
  });

  it('keeps a refusal with its reason, and shows it until it is mended', async () => {
    await start();
    mesh.set({ clusters: [clusterOf('a')] });
    const bad = (update: { resources: readonly unknown[] }) =>
      update.resources.length > 1 ? 'cluster b: not for me' : undefined;
    const proxy = await proven({ judge: bad });
    await until(() => proxy.held.get(cluster)?.has('a') === true);
    mesh.set({ clusters: [clusterOf('a', 3), clusterOf('b')] });
    const status = () => proxyStatusOf(mesh.fleet.streams()[0]!, true);
    await until(() => status()?.state === 'rejected');
    expect(status()?.types[0]?.nack).toMatchObject({ message: 'cluster b: not for me', resources: ['b'] });
    expect(status()?.rejections).toBe(1);
    mesh.set({ clusters: [clusterOf('a', 3)] });
    await until(() => status()?.state === 'synced');
    expect(status()?.types[0]?.nack).toBeUndefined();
  });

  it('refuses who proves nothing, and who proves to be somebody else', async () => {
    await start();
    const nobody = client({ port: mesh.securePort, rootsPem: mesh.rootsPem });
    expect((await nobody.ended).code).toBe(16);
    const forged = client({ port: mesh.securePort, rootsPem: mesh.rootsPem, token: 'a.b.c' });
    expect((await forged.ended).code).toBe(16);
    expect((await (await proven({}, 'reviews-1', 'ratings')).ended).code).toBe(7);
    expect((await (await proven({}, 'reviews-2')).ended).code).toBe(7);
    const elsewhere = 'sidecar~10.244.0.1~reviews-1.other~other.svc.cluster.local';
    expect((await (await proven({ nodeId: elsewhere })).ended).code).toBe(7);
    expect((await (await proven({ nodeId: 'me' })).ended).code).toBe(3);
    expect(mesh.log.join('\n')).not.toContain('a.b.c');
  });

  it('speaks TLS 1.3 only', async () => {
    await start();
    const old = credentials.createSsl(Buffer.from(mesh.rootsPem), null, null);
    const { connect } = await import('node:tls');
    const failure = await new Promise((resolve) => {
      connect({ port: mesh.securePort, host: '127.0.0.1', ca: mesh.rootsPem, maxVersion: 'TLSv1.2' })
        .on('error', resolve)
        .on('secureConnect', () => resolve(undefined));
    });
    expect(String(failure)).toMatch(/version/i);
    const proxy = await proven({ channel: old });
    await until(() => proxy.updates.length > 0);
  });

  it('gives TLS secrets to proxies of their namespace only, the trust bundle to all', async () => {
    const pem = { data: { 'tls.crt': Buffer.from('CERT'), 'tls.key': Buffer.from('KEY') } };
    await start({ secrets: { 'default/web': pem, 'other/web': pem } });
    const names = [
      'ROOTCA',
      'default',
      'kubernetes://web',
      'kubernetes://default/web',
      'kubernetes://other/web',
    ];
    const subscribe = { [secret]: names };
    mesh.set({ listeners: [{ name: 'tls', filter_chains: names.map(chainWith) }] });
    const proxy = await proven({ subscribe });
    await until(() => proxy.updates.length > 0);
    expect([...proxy.held.get(secret)!.keys()].sort()).toEqual([
      'ROOTCA',
      'kubernetes://default/web',
      'kubernetes://web',
    ]);
    const anyone = client({ subscribe });
    await until(() => anyone.updates.length > 0);
    expect([...anyone.held.get(secret)!.keys()]).toEqual(['ROOTCA']);
  });

  it('limits streams and subscriptions', async () => {
    await start({ limits: { maxStreams: 1, maxSubscriptions: 2 } });
    const first = client({ subscribe: { [endpoint]: ['a', 'b'] } });
    await until(() => first.updates.length > 0);
    expect((await client({}).ended).code).toBe(8);
    first.send(first.client.subscribe(endpoint, ['c']));
    expect((await first.ended).code).toBe(8);
  });

  it('ends the stream of a proxy whose Pod turns out to be another account’s', async () => {
    const workloads = [] as (typeof workload)[];
    await start({ workloads });
    const proxy = await proven();
    await until(() => proxy.updates.length > 0);
    workloads.push({ ...workload, serviceAccount: 'ratings' });
    mesh.set({ clusters: [clusterOf('a')] });
    expect((await proxy.ended).code).toBe(7);
    expect(mesh.fleet.streams()).toEqual([]);
  });
});
