import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/server/contract.ts';
import { eventually } from './eventually.ts';
import { failures, load } from './load.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe, fetchFrom } from './probe.ts';
import { type Mesh, runMesh } from './run-mesh.ts';

describe.skipIf(lacks('observe', ...meshNeeds))('what a proxy tells', () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await runMesh({ prepare: (folder) => addProbe(folder, { name: 'scraper', sidecar: false }) });
    expect(failures(await load(`${mesh.gateway}/productpage`, 50, 4))).toEqual([]);
  });
  afterAll(() => mesh?.stop());

  it("Istio's standard metrics, on port 15090 of the Pod", async () => {
    const address = await addressOf(mesh, 'productpage-v1');
    const lines = await eventually(async () => {
      const { body = '' } = await fetchFrom(mesh, 'scraper', `http://${address}:15090/stats/prometheus`);
      const found = body.split('\n').filter((line) => line.startsWith('istio_requests_total'));
      expect(found.length).toBeGreaterThanOrEqual(4); // details, three versions of reviews, and its own callers
      return found;
    });
    const toDetails = lines.find((line) => line.includes('destination_workload="details-v1"'));
    for (const label of [
      'reporter="source"',
      'source_workload="productpage-v1"',
      'source_workload_namespace="default"',
      'destination_service="details.default.svc.cluster.local"',
      'destination_service_name="details"',
      'response_code="200"',
      'request_protocol="http"',
      'connection_security_policy="unknown"',
    ]) {
      expect(toDetails, label).toContain(label);
    }
    const own = lines.find((line) => line.includes('reporter="destination"'));
    expect(own).toContain('connection_security_policy="mutual_tls"');
    expect(own).toContain('source_principal="spiffe://cluster.local/ns/istio-system/sa/');
  });

  it('one line per request, and readiness', async () => {
    await eventually(() => {
      const log = mesh.log('default.reviews-v1-0.proxy');
      expect(log).toMatch(/"GET \/reviews\/0 HTTP\/1\.1" 200 /);
    });
    const address = await addressOf(mesh, 'details-v1');
    const ready = await fetchFrom(mesh, 'scraper', `http://${address}:15021/healthz/ready`);
    expect(ready.status).toBe(200);
  });

  it('nothing of its administration to the outside of its Pod', async () => {
    const address = await addressOf(mesh, 'details-v1');
    const { status } = await fetchFrom(mesh, 'scraper', `http://${address}:15000/config_dump`);
    expect(status).not.toBe(200);
  });
});

async function addressOf(mesh: Mesh, workload: string): Promise<string> {
  const status = (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;
  return status.workloads.find((w) => w.workload === workload)!.ip;
}
