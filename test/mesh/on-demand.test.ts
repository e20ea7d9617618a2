import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe, fetchFrom } from './probe.ts';
import { writeWeights } from './routes-file.ts';
import { type Mesh, runMesh } from './run-mesh.ts';
import { meshStatus } from './status.ts';

/** Services that nobody calls, of the ports that everybody has. */
const MANY = 300;

describe.skipIf(lacks('on demand', ...meshNeeds))('a sidecar holds what its workload uses', () => {
  let mesh: Mesh;
  afterAll(() => mesh?.stop());

  it('of hundreds of services', async () => {
    mesh = await runMesh({
      prepare(folder) {
        addProbe(folder, { name: 'inside', sidecar: true });
        writeFileSync(
          join(folder, 'many.yaml'),
          Array.from({ length: MANY }, (_, i) => other(i)).join('---\n'),
        );
      },
    });
    await reaches('details:9080/details/0');
    const { listeners, clusters, hosts } = await held();
    expect(listeners).toContain('0.0.0.0_9080');
    expect(clusters).toContain('outbound|9080||details.default.svc.cluster.local');
    expect(hosts).toContain('details.default.svc.cluster.local:9080');
    expect([...listeners, ...clusters, ...hosts].filter((name) => name.includes('other'))).toEqual([]);
    expect([listeners.length, clusters.length, hosts.length].every((count) => count < 12)).toBe(true);
  });

  it('and gets what it calls for the first time', async () => {
    const answer = await fetchFrom(mesh, 'inside', 'http://reviews:9080/reviews/0');
    expect(answer).toMatchObject({ status: 200 });
  });

  it('and what there was not when it asked', async () => {
    expect(await fetchFrom(mesh, 'inside', 'http://late:9080/details/0')).not.toMatchObject({ status: 200 });
    writeFileSync(join(mesh.folder, 'late.yaml'), late);
    await reaches('late:9080/details/0');
  });

  it('and hears of changes, and of ends', async () => {
    writeWeights(mesh.folder, [0, 0, 100], 'third');
    await eventually(async () => {
      const answer = await fetchFrom(mesh, 'inside', 'http://reviews:9080/reviews/0');
      expect(answer.body).toContain('"color"');
    });
    rmSync(join(mesh.folder, 'late.yaml'));
    await eventually(async () => {
      expect(await fetchFrom(mesh, 'inside', 'http://late:9080/details/0')).not.toMatchObject({
        status: 200,
      });
    });
  });

  it('and goes on with what it holds while the control plane is away, and says what it lacks', async () => {
    const control = meshStatus(mesh).find(({ kind }) => kind === 'control')!.pid;
    process.kill(control, 'SIGSTOP');
    expect(await fetchFrom(mesh, 'inside', 'http://details:9080/details/0')).toMatchObject({ status: 200 });
    const proxy = proxyOfProbe();
    process.kill(proxy, 'SIGKILL'); // the next one starts from what this one has kept
    await eventually(() => expect(proxyOfProbe()).not.toBe(proxy), 20_000);
    await reaches('details:9080/details/0');
    expect(await fetchFrom(mesh, 'inside', 'http://other-7:9080/')).not.toMatchObject({ status: 200 });
    process.kill(control, 'SIGKILL');
    await reaches('ratings:9080/ratings/0');
  });

  function proxyOfProbe(): number {
    const found = meshStatus(mesh).find(({ kind, name }) => kind === 'proxy' && name.includes('inside'));
    if (found === undefined) throw new Error('the probe has no proxy');
    return found.pid;
  }

  async function reaches(target: string): Promise<void> {
    await eventually(async () => {
      expect(await fetchFrom(mesh, 'inside', `http://${target}`)).toMatchObject({ status: 200 });
    }, 30_000);
  }

  /** Names of what the probe's proxy holds. */
  async function held(): Promise<Record<'listeners' | 'clusters' | 'hosts', readonly string[]>> {
    const dump = await fetchFrom(mesh, 'inside', 'http://127.0.0.1:15000/config_dump');
    const all = JSON.stringify((JSON.parse(dump.body ?? '') as { configs: unknown[] }).configs.slice(1));
    const names = (pattern: RegExp): readonly string[] => [
      ...new Set([...all.matchAll(pattern)].map(([, name = '']) => name)),
    ];
    return {
      listeners: names(/config\.listener\.v3\.Listener","name":"([^"]+)"/g),
      clusters: names(/config\.cluster\.v3\.Cluster","name":"([^"]+)"/g),
      hosts: names(/\{"name":"([^"]+)","domains":/g),
    };
  }
});

function other(i: number): string {
  return `apiVersion: v1
kind: Service
metadata: {name: other-${i}}
spec:
  selector: {app: other-${i}}
  ports:
  - {name: http, port: 9080}
  - {name: tcp, port: 7000}
`;
}

const late = `apiVersion: v1
kind: Service
metadata: {name: late}
spec:
  selector: {app: details}
  ports:
  - {name: http, port: 9080}
`;
