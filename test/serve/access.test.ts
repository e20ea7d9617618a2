/** Proxies that ask for what is not theirs, and clients that ask for too much: a control plane attacked over real gRPC. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CA_AUDIENCE } from '../../src/ca/service-account-token.ts';
import { openTokenIssuer, type TokenIssuer } from '../../src/ca/token-issuer.ts';
import { type RunningControl, runControl } from '../../src/control/main.ts';
import { DEFAULT_FLEET_LIMITS } from '../../src/control/serve/fleet.ts';
import { MAX_REFUSALS_PER_MINUTE } from '../../src/control/serve/grpc-server.ts';
import { REQUEST_BURST } from '../../src/control/serve/request-budget.ts';
import { openAuthority } from '../../src/testing/authority.ts';
import { makeTestLeaf, type TestCa } from '../../src/testing/certificates.ts';
import { trustBundlePem } from '../../src/wire/identity/trust-bundle.ts';
import { DELTA_ADS_PATH, encodeDeltaRequest } from '../../src/xds/delta-messages.ts';
import { ON_DEMAND } from '../../src/xds/names.ts';
import { typeUrls } from '../../src/xds/resources.ts';
import { type AdsClient, type AdsClientOptions, adsClient, until } from './ads-client.ts';

const { cluster, listener, secret } = typeUrls;

const pod = (namespace: string, name: string, ip: string) => `
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}-1
  namespace: ${namespace}
  labels: { app: ${name} }
  annotations: { weft.dev/data-plane: weft }
  ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: ${name}, controller: true }]
spec: { serviceAccountName: ${name}, containers: [{ name: a, image: a }] }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: 'True' }] }`;
const certificate = (namespace: string, name: string) => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
stringData: { tls.crt: '-----BEGIN CERTIFICATE-----', tls.key: '-----BEGIN PRIVATE KEY----- KEY-OF-${namespace}-${name}' }`;
const gateway = (namespace: string, app: string, credential: string) => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${app}, namespace: ${namespace} }
spec:
  selector: { app: ${app} }
  servers:
  - port: { number: 443, name: https, protocol: HTTPS }
    hosts: ['*']
    tls: { mode: SIMPLE, credentialName: ${credential} }`;
/** Of the Kubernetes Gateway API, whose listener names certificates of two other namespaces; one of them lends its own. */
const lending = `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: lent, namespace: shop }
spec:
  gatewayClassName: weft
  listeners:
  - name: lent
    port: 8443
    protocol: HTTPS
    hostname: lent.example
    tls: { certificateRefs: [{ name: lent-cert, namespace: lender }] }
  - name: stolen
    port: 8444
    protocol: HTTPS
    hostname: stolen.example
    tls: { certificateRefs: [{ name: vault-cert, namespace: bank }] }
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: lent, namespace: lender }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: Gateway, namespace: shop }]
  to: [{ group: '', kind: Secret, name: lent-cert }]
---
apiVersion: v1
kind: Pod
metadata:
  name: ingress-1
  namespace: istio-system
  labels: { istio: ingressgateway, app: istio-ingressgateway }
  annotations: { weft.dev/data-plane: weft }
spec: { serviceAccountName: ingress, containers: [{ name: a, image: a }] }
status: { podIP: 10.244.0.8, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Service
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec:
  selector: { istio: ingressgateway }
  ports: [{ name: lent, port: 8443 }, { name: stolen, port: 8444 }]`;
const mesh = `${pod('shop', 'edge', '10.244.0.5')}${pod('shop', 'web', '10.244.0.6')}${pod('bank', 'vault', '10.244.0.7')}
${certificate('shop', 'edge-cert')}${certificate('shop', 'spare')}${certificate('bank', 'vault-cert')}${certificate('bank', 'edge-cert')}
${certificate('lender', 'lent-cert')}${certificate('lender', 'spare')}${lending}
${gateway('shop', 'edge', 'edge-cert')}${gateway('bank', 'vault', 'vault-cert')}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: roots, namespace: bank }
data: { ca.crt: ROOTS-OF-bank }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ledger, namespace: bank }
spec:
  hosts: [ledger.bank.internal]
  exportTo: ['.']
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 198.51.100.1 }]`;

/** Names by which somebody else's secret might be had. */
const stolen = [
  'kubernetes://spare',
  'kubernetes://shop/spare',
  'kubernetes-gateway://shop/spare',
  'kubernetes-gateway://shop/edge-cert',
  'kubernetes://vault-cert',
  'kubernetes://bank/vault-cert',
  'kubernetes://bank/edge-cert',
  'kubernetes://bank/vault-cert-cacert',
  'kubernetes-gateway://bank/vault-cert',
  'configmap://bank/roots-cacert',
  'KUBERNETES://bank/vault-cert',
  'Kubernetes-Gateway://bank/vault-cert',
  'kubernetes://BANK/vault-cert',
  'kubernetes://SHOP/EDGE-CERT',
  'kubernetes://shop/../bank/vault-cert',
  'kubernetes://shop/bank/vault-cert',
  'kubernetes://../bank/vault-cert',
  'kubernetes://shop/..%2fbank%2fvault-cert',
  'kubernetes://bank%2fvault-cert',
  'kubernetes:///bank/vault-cert',
  'kubernetes://bank//vault-cert',
  'kubernetes://./vault-cert',
  'kubernetes://bank\\vault-cert',
  'kubernetes://bank vault-cert',
  'kubernetes://shop\u0000bank/vault-cert',
  ' kubernetes://bank/vault-cert',
  'kubernetes://bank/vault-cert?',
  'bank/vault-cert',
  'vault-cert',
  'file-cert:/etc/shadow',
  'file:///etc/shadow',
  'default',
  '*',
  '__proto__',
  'kubernetes://__proto__/constructor',
];

let folder: string;
let control: RunningControl;
let tokens: TokenIssuer;
let ca: TestCa;
const clients: { close(): void }[] = [];
const logged: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-access-'));
  await mkdir(join(folder, 'mesh'));
  await writeFile(join(folder, 'mesh', 'mesh.yaml'), mesh);
  tokens = await openTokenIssuer(join(folder, 'tokens'), Date.now);
  await writeFile(join(folder, 'jwks.json'), tokens.jwks);
  const any = { host: '127.0.0.1', port: 0 };
  const keyDir = join(folder, 'ca');
  control = await runControl(
    {
      version: 'test',
      paths: [join(folder, 'mesh')],
      keyDir,
      tokenJwksFile: join(folder, 'jwks.json'),
      trustDomain: 'cluster.local',
      secure: any,
      api: any,
    },
    { log: (line) => logged.push(line) },
  );
  const authority = await openAuthority({ trustDomain: 'cluster.local', keyDir }, Date.now());
  const rootsPem = trustBundlePem(authority.bundle);
  ca = { trustDomain: 'cluster.local', issuer: authority.signer, authority, rootsPem, nowMs: Date.now() };
});

afterEach(() => {
  for (const one of clients.splice(0)) one.close();
});

afterAll(async () => {
  await control.close();
  await rm(folder, { recursive: true });
});

type Asked = Partial<AdsClientOptions> & { readonly type?: 'sidecar' | 'router' };

/** A stream that shows a certificate of a service account, under the name of some proxy. */
async function asking(account: string, name: string, { type = 'sidecar', ...more }: Asked = {}) {
  const [namespace = '', serviceAccount = ''] = account.split('/');
  const leaf = await makeTestLeaf(ca, namespace, serviceAccount);
  const channel = credentials.createSsl(
    Buffer.from(ca.rootsPem),
    Buffer.from(leaf.keyPem),
    Buffer.from(leaf.chainPem),
  );
  const made = adsClient({
    port: control.securePort,
    channel,
    nodeId: `${type}~10.244.0.99~${name}~x.svc.cluster.local`,
    subscribe: { [secret]: ['ROOTCA', 'kubernetes://edge-cert', ...stolen] },
    ...more,
  });
  clients.push(made);
  return made;
}

async function secretsOf(client: AdsClient): Promise<string[]> {
  await until(() => client.held.get(secret) !== undefined);
  return [...client.held.get(secret)!.keys()].sort();
}

describe('what a proxy may see', () => {
  it('of secrets: those that its own configuration names, under no other name', async () => {
    const edge = await asking('shop/edge', 'edge-1.shop', { type: 'router' });
    expect(await secretsOf(edge)).toEqual(['ROOTCA', 'kubernetes://edge-cert']);
    expect(JSON.stringify([...edge.held.get(secret)!.values()])).toContain('KEY-OF-shop-edge-cert');
    expect(JSON.stringify([...edge.held.get(secret)!.values()])).not.toContain('bank');
  });

  it('of secrets: none of the gateway beside it, whatever type of proxy it says to be', async () => {
    expect(await secretsOf(await asking('shop/web', 'web-1.shop'))).toEqual(['ROOTCA']);
    expect(await secretsOf(await asking('shop/web', 'web-1.shop', { type: 'router' }))).toEqual(['ROOTCA']);
  });

  it('of secrets: none for who makes up a name, and with it the labels of a gateway', async () => {
    const metadata = { LABELS: { app: 'edge' } } as unknown as Record<string, string>;
    for (const name of ['made-up.shop', 'edge-1.shop.shop', 'EDGE-1.shop']) {
      const made = await asking('shop/web', name, { type: 'router', metadata });
      expect(await secretsOf(made), name).toEqual(['ROOTCA']);
    }
  });

  it('of secrets: of other namespaces what a ReferenceGrant lends to a Gateway, to the proxy that opens it alone', async () => {
    const names = [
      'kubernetes-gateway://lender/lent-cert',
      'kubernetes-gateway://lender/spare',
      'kubernetes-gateway://bank/vault-cert',
      'kubernetes-gateway://LENDER/lent-cert',
      'kubernetes://lender/lent-cert',
    ];
    const subscribe = { [secret]: ['ROOTCA', ...names] };
    const ingress = await asking('istio-system/ingress', 'ingress-1.istio-system', {
      type: 'router',
      subscribe,
    });
    expect(await secretsOf(ingress)).toEqual(['ROOTCA', 'kubernetes-gateway://lender/lent-cert']);
    for (const [account, name] of [
      ['shop/edge', 'edge-1.shop'],
      ['bank/vault', 'vault-1.bank'],
    ] as const)
      expect(await secretsOf(await asking(account, name, { type: 'router', subscribe })), name).toEqual([
        'ROOTCA',
      ]);
  });

  it('of other namespaces: nothing that these do not show, also by name', async () => {
    const hidden = 'outbound|80||ledger.bank.internal';
    const names = [hidden, 'outbound|80||LEDGER.bank.internal', 'outbound|80||ledger.bank.internal.'];
    const metadata = { [ON_DEMAND]: 'true' };
    const subscribe = { [cluster]: ['*', ...names], [typeUrls.virtualHost]: ['80/ledger.bank.internal'] };
    const web = await asking('shop/web', 'web-1.shop', { metadata, subscribe });
    await until(() => web.held.get(cluster) !== undefined);
    expect(JSON.stringify([...web.held.values()].map((type) => [...type.keys()]))).not.toMatch(/ledger/i);
    const vault = await asking('bank/vault', 'vault-1.bank', {
      subscribe: { [cluster]: ['*'] },
    });
    await until(() => vault.held.get(cluster) !== undefined);
    expect([...vault.held.get(cluster)!.keys()]).toContain(hidden);
  });
});

describe('who a proxy may be', () => {
  const refused = async (made: Promise<AdsClient>) => {
    const client = await made;
    const { code, details } = await client.ended;
    expect(client.updates).toEqual([]);
    return { code, details };
  };

  it('nobody else, by the name of a Pod, of its Deployment, or of another namespace', async () => {
    for (const name of ['edge-1.shop', 'edge.shop', 'vault-1.bank', 'web-1.bank', 'web-1.SHOP'])
      expect((await refused(asking('shop/web', name, { type: 'router' }))).code, name).toBe(7);
  });

  it('nobody else, by what its node says of itself', async () => {
    const claims = [{ NAMESPACE: 'bank' }, { SERVICE_ACCOUNT: 'edge' }, { NAMESPACE: { a: 'shop' } }];
    for (const metadata of claims as Record<string, string>[]) {
      const { code, details } = await refused(asking('shop/web', 'web-1.shop', { metadata }));
      expect(code, JSON.stringify(metadata)).toBe(7);
      expect(details).toContain('may not say of itself');
    }
    const honest = { NAMESPACE: 'shop', SERVICE_ACCOUNT: 'web' };
    expect(await secretsOf(await asking('shop/web', 'web-1.shop', { metadata: honest }))).toEqual(['ROOTCA']);
  });

  it('the one it was at first: a later node on the same stream changes nothing', async () => {
    const web = await asking('shop/web', 'web-1.shop');
    await secretsOf(web);
    const node = { id: 'router~10.244.0.5~edge-1.shop~shop.svc.cluster.local' };
    const [first] = web.client.subscribe(secret, ['kubernetes://shop/edge-cert']);
    web.send([{ ...first!, node }]);
    web.send(web.client.subscribe(listener, ['*']));
    await until(() => web.held.get(listener) !== undefined);
    expect(await secretsOf(web)).toEqual(['ROOTCA']);
  });
});

describe('tokens', () => {
  it('of one Pod are for no other, and of another audience for nobody', async () => {
    const order = { namespace: 'shop', serviceAccount: 'web', pod: 'web-1', ttlSeconds: 600 };
    const rootsPem = ca.rootsPem;
    const streamWith = async (audience: string, name: string) => {
      const token = await tokens.issueToken({ ...order, audience });
      const made = adsClient({
        port: control.securePort,
        rootsPem,
        token,
        nodeId: `sidecar~10.244.0.6~${name}~x.svc.cluster.local`,
        subscribe: { [secret]: ['ROOTCA'] },
      });
      clients.push(made);
      return made;
    };
    expect((await (await streamWith(CA_AUDIENCE, 'web-2.shop')).ended).code).toBe(7);
    expect((await (await streamWith('elsewhere', 'web-1.shop')).ended).code).toBe(16);
  });
});

describe('how it is asked', () => {
  it('in TLS 1.3, on every port', async () => {
    const failure = await new Promise((resolve) => {
      connectTls({ port: control.securePort, host: '127.0.0.1', ca: ca.rootsPem, maxVersion: 'TLSv1.2' })
        .on('error', resolve)
        .on('secureConnect', () => resolve('connected'));
    });
    expect(String(failure)).toMatch(/version/i);
    expect(control.plainPort).toBeUndefined();
    const answer = await new Promise<string>((resolve) => {
      let bytes = '';
      const socket = connect(control.securePort, '127.0.0.1', () =>
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      );
      socket.on('data', (chunk) => (bytes += chunk.toString('latin1')));
      socket.on('error', () => {}).on('close', () => resolve(bytes));
    });
    expect(answer).not.toContain('HTTP');
    expect(answer.length).toBeLessThan(16); // an alert of TLS at most
  });

  it('in requests of a bounded size', async () => {
    const web = await asking('shop/web', 'web-1.shop');
    await secretsOf(web);
    web.send(web.client.subscribe(secret, ['x'.repeat(17 * 1024 * 1024)]));
    expect((await web.ended).code).toBe(8);
  });

  it('so and so often', async () => {
    const web = await asking('shop/web', 'web-1.shop', { subscribe: { [secret]: ['ROOTCA'] } });
    await secretsOf(web);
    const again = { ...requestOfNobody, typeUrl: secret, subscribe: ['ROOTCA'] };
    let hasEnded = false;
    void web.ended.then(() => (hasEnded = true));
    for (let i = 0; i < 20 * REQUEST_BURST && !hasEnded; i++) {
      web.send([again]);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { code, details } = await web.ended;
    expect([code, details]).toEqual([8, 'too many requests']);
  });

  it('on so many streams of one proxy: the oldest ends', async () => {
    const max = DEFAULT_FLEET_LIMITS.maxStreamsPerProxy;
    const all: AdsClient[] = [];
    for (let i = 0; i <= max; i++) {
      const one = await asking('shop/web', 'web-1.shop');
      await secretsOf(one);
      all.push(one);
    }
    expect((await all[0]!.ended).code).toBe(8);
    const still = await Promise.race([
      all[1]!.ended,
      new Promise((resolve) => setTimeout(resolve, 50, 'open')),
    ]);
    expect(still).toBe('open');
  });

  it('by who was refused often enough: nothing is verified or logged for it any more', async () => {
    const grpc = new Client(
      `127.0.0.1:${control.securePort}`,
      credentials.createSsl(Buffer.from(ca.rootsPem)),
    );
    clients.push(grpc);
    const code = (token: string): Promise<number> =>
      new Promise((resolve) => {
        const metadata = new Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        const call = grpc.makeBidiStreamRequest(
          DELTA_ADS_PATH,
          (bytes: Uint8Array) => Buffer.from(bytes),
          (bytes: Buffer) => bytes,
          metadata,
        );
        call.on('data', () => {}).on('error', () => {});
        call.on('status', (status) => resolve(status.code));
        call.write(encodeDeltaRequest(requestOfNobody));
      });
    const before = logged.length;
    const codes: number[] = [];
    for (let i = 0; i < MAX_REFUSALS_PER_MINUTE + 60; i++) codes.push(await code(`stolen.${i}.x`));
    expect(codes[0]).toBe(16);
    expect(codes.at(-1)).toBe(8);
    const lines = logged.slice(before);
    expect(lines.length).toBeLessThan(MAX_REFUSALS_PER_MINUTE + 60);
    expect(lines.join('\n')).not.toContain('stolen');
  });
});

const requestOfNobody = {
  node: { id: 'sidecar~10.244.0.6~web-1.shop~shop.svc.cluster.local' },
  typeUrl: cluster,
  subscribe: ['*'],
  unsubscribe: [],
  initialVersions: new Map<string, string>(),
  nonce: '',
};
