import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeLeafOf } from '../../src/testing/certificates.ts';
import { eventually } from '../mesh/eventually.ts';
import { get } from '../mesh/load.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { attackers } from './attackers.ts';
import { callAs, type Shown } from './call-as.ts';
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
      await eventually(async () => expect((await get(url, undefined)).status).toBe(200), 60_000);
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

  it.for(['weft', 'envoy'] as const)(
    'are answered with nothing by %s, whatever they would serve',
    { timeout: 120_000 },
    async (plane, test) => {
      if (plane === 'envoy' && envoy === undefined) return test.skip('there is no Envoy');
      pair = await startPair({ planes: { front: plane, back: 'weft', aside: 'weft' }, envoy, leafTtlS: 600 });
      const { url, folder, keyDir } = pair;
      const heard: string[] = [];
      const rogue = await startRogue((host) => heard.push(host));
      try {
        writeFileSync(join(folder, 'mesh', 'rogue.yaml'), rogueYaml(rogue.port));
        const good = await makeLeafOf(keyDir, ROGUE);
        rogue.show(good);
        const call = async (): Promise<number> =>
          (await get(url, undefined, { host: 'rogue.test', 'x-secret': 'of the caller' })).status;
        await eventually(async () => expect(await call()).toBe(200), 60_000);
        heard.length = 0;
        const entered: string[] = [];
        // It answers in the name of `rogue`; so the certificates are its own, but for what is wrong.
        for (const [what, shown] of await attackers(keyDir, 'rogue')) {
          if (shown === undefined) continue;
          rogue.show(shown);
          const status = await call();
          if (status === 200) entered.push(what);
          else expect(status).toBe(503);
        }
        expect(entered).toEqual(plane === 'envoy' ? TAKEN_BY_ENVOY : []);
        // Not even the request was told to the others.
        expect(heard).toHaveLength(entered.length);
        // Nor to another workload of the mesh.
        rogue.show(await makeLeafOf(keyDir, 'spiffe://cluster.local/ns/default/sa/aside'));
        expect(await call()).toBe(503);
        rogue.show(good);
        await eventually(async () => expect(await call()).toBe(200));
      } finally {
        await rogue.close();
      }
    },
  );
});

const ROGUE = 'spiffe://cluster.local/ns/default/sa/rogue';

interface Rogue {
  readonly port: number;
  /** The certificate of the connections to come. */
  show(shown: Shown): void;
  close(): Promise<void>;
}

/** A server that answers everything, with whatever certificate. */
async function startRogue(onRequest: (host: string) => void): Promise<Rogue> {
  const server = createServer({}, (request, response) => {
    onRequest(request.headers.host ?? '');
    response.end('rogue');
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    show: ({ chainPem, keyPem }) => server.setSecureContext({ cert: chainPem, key: keyPem }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function rogueYaml(port: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rogue, namespace: default}
spec:
  gateways: [front]
  hosts: [rogue.test]
  http: [{route: [{destination: {host: rogue.mesh, port: {number: ${port}}}}], retries: {attempts: 0}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: rogue, namespace: default}
spec:
  hosts: [rogue.mesh]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${port}, protocol: HTTP, name: http}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: rogue, namespace: default}
spec:
  host: rogue.mesh
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL, sni: rogue.mesh, subjectAltNames: ["${ROGUE}"]}
    connectionPool: {http: {maxRequestsPerConnection: 1}}
`;
}
