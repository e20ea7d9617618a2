import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/server/contract.ts';
import { openAuthority } from '../../src/testing/authority.ts';
import { makeTestLeaf, makeWrongLeaf, type TestCa } from '../../src/testing/certificates.ts';
import { trustBundlePem } from '../../src/wire/identity/trust-bundle.ts';
import { capture } from './capture.ts';
import { dataPlanes } from './data-planes.ts';
import { eventually } from './eventually.ts';
import { failures, load } from './load.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe, fetchFrom } from './probe.ts';
import { type Mesh, runMesh } from './run-mesh.ts';

function writeMode(folder: string, mode: 'STRICT' | 'PERMISSIVE'): void {
  writeFileSync(
    join(folder, 'mutual-tls.yaml'),
    `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec:
  mtls: {mode: ${mode}}
`,
  );
}

describe.skipIf(lacks('mutual tls', ...meshNeeds, 'root', 'tcpdump', 'nsenter')).each(dataPlanes)(
  'mutual TLS, $name',
  ({ flags, prepare }) => {
    let mesh: Mesh;
    afterAll(() => mesh?.stop());

    it('shows no plaintext between workloads, and refuses or serves a client outside as the mode says', async () => {
      mesh = await runMesh({
        flags,
        prepare(folder) {
          prepare(folder);
          addProbe(folder, { name: 'outside', sidecar: false });
          addProbe(folder, { name: 'inside', sidecar: true });
          addProbe(folder, { name: 'stranger', sidecar: false, app: 'stranger' });
        },
      });
      await eventually(() => fetchFrom(mesh, 'outside', 'http://outside:9080/'), 30_000);
      await eventually(() => fetchFrom(mesh, 'inside', 'http://inside:9080/'), 30_000);

      // Left out: the probe outside, which speaks plaintext, and the health checks of the platform (169.254.0.0/16).
      const outside = await addressOf(mesh, 'outside');
      const bytes = await capture(
        mesh,
        `port 9080 and not host ${outside} and not net 169.254.0.0/16`,
        async () => {
          expect(failures(await load(`${mesh.gateway}/productpage`, 200, 8))).toEqual([]);
        },
      );
      expect(bytes.length).toBeGreaterThan(100_000);
      for (const word of ['GET /reviews', 'GET /details', 'HTTP/1.1 200', 'Comedy', 'Adriana', 'podname']) {
        expect(bytes.includes(word), `captured bytes hold '${word}'`).toBe(false);
      }

      const strict = await fetchFrom(mesh, 'outside', 'http://details:9080/details/0');
      expect(strict.status, JSON.stringify(strict)).toBe(0);
      expect((await fetchFrom(mesh, 'inside', 'http://details:9080/details/0')).status).toBe(200);

      // Who looks after a Pod is let through: its readiness, and the statistics and health of its proxy.
      const ip = await addressOf(mesh, 'details-v1');
      for (const path of [':15090/stats/prometheus', ':15021/healthz/ready'])
        expect((await fetchFrom(mesh, 'outside', `http://${ip}${path}`)).status, path).toBe(200);
      expect((await fetchFrom(mesh, 'outside', `http://${ip}:15000/certs`)).status).toBe(0);
      // In the end: a probe may time out on a busy machine.
      await eventually(async () => {
        const { workloads } = (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;
        expect(workloads.filter(({ ready }) => !ready)).toEqual([]);
      });

      writeMode(mesh.folder, 'PERMISSIVE');
      await eventually(async () => {
        const served = await fetchFrom(mesh, 'outside', 'http://details:9080/details/0');
        expect(served.status).toBe(200);
        expect(served.body).toContain('Comedy');
      });
      writeMode(mesh.folder, 'STRICT');
      await eventually(async () =>
        expect((await fetchFrom(mesh, 'outside', 'http://details:9080/details/0')).status).toBe(0),
      );
    });

    it('refuses a certificate of another trust domain and of another root, and takes one of its own', async () => {
      const ca = await authorityOf(mesh);
      const leaves = {
        own: await makeTestLeaf(ca, 'default', 'stranger'),
        otherDomain: await makeWrongLeaf(ca, 'other_trust_domain', 'default', 'stranger'),
        otherRoot: await makeWrongLeaf(ca, 'unknown_root', 'default', 'stranger'),
        expired: await makeWrongLeaf(ca, 'expired', 'default', 'stranger'),
      };
      for (const [name, leaf] of Object.entries(leaves)) {
        writeFileSync(join(mesh.folder, `${name}.pem`), leaf.chainPem);
        writeFileSync(join(mesh.folder, `${name}.key`), leaf.keyPem);
      }
      const host = await addressOf(mesh, 'details-v1');
      const dial = async (certificate: string): Promise<string> => {
        const query = new URLSearchParams({ host, port: '9080', certificate });
        const response = await fetch(`${mesh.gateway}/stranger/dial?${query}`);
        return ((await response.json()) as { answered: string }).answered;
      };
      expect(await eventually(() => dial('own'))).toBe('HTTP/1.1 200 OK');
      for (const certificate of ['otherDomain', 'otherRoot', 'expired']) {
        expect(await dial(certificate), certificate).toBe('');
      }
    });
  },
);

/** The mesh's own authority, opened from its key on disk: a certificate can only be wrong in the one way that is meant. */
async function authorityOf(mesh: Mesh): Promise<TestCa> {
  const nowMs = Date.now();
  const keyDir = join(mesh.state(), 'control', 'ca');
  const authority = await openAuthority({ trustDomain: 'cluster.local', keyDir }, nowMs);
  const rootsPem = trustBundlePem(authority.bundle);
  return { trustDomain: 'cluster.local', issuer: authority.signer, authority, rootsPem, nowMs };
}

async function addressOf(mesh: Mesh, workload: string): Promise<string> {
  const status = (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;
  const found = status.workloads.find((w) => w.workload === workload);
  if (found === undefined) throw new Error(`no workload ${workload}`);
  return found.ip;
}
