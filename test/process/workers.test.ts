import { readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../mesh/eventually.ts';
import { makePlace, type Place, type ProxyProcess, startProxyProcess } from './proxy-process.ts';

const upstream = createServer((_, response) => response.end('hello'));
let place: Place;
let proxy: ProxyProcess;

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  place = await makePlace((upstream.address() as AddressInfo).port);
  proxy = await startProxyProcess(place, ['--concurrency', '2']);
});
afterAll(async () => {
  await proxy?.stop();
  place?.remove();
  upstream.closeAllConnections();
  upstream.close();
});

describe('a proxy of two workers', () => {
  it('serves from both, and counts as one', async () => {
    const statuses = await Promise.all(Array.from({ length: 60 }, (_, i) => get(`/count/${i}`)));
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect(workerPids()).toHaveLength(2);
    expect(await stat('http.front.downstream_rq_total')).toBe(60);
    expect(await stat('cluster.up.membership_total')).toBe(1);
    const text = await admin('/stats/prometheus');
    expect(text).toMatch(/envoy_http_downstream_rq_total\{envoy_http_conn_manager_prefix="front"\} 60\n/);
    expect(text.match(/# TYPE envoy_http_downstream_rq_total counter/g)).toHaveLength(1);
    const clusters = JSON.parse(await admin('/clusters?format=json'));
    const stats = clusters.cluster_statuses[0].host_statuses[0].stats as { name: string; value: string }[];
    expect(stats.find(({ name }) => name === 'rq_total')?.value).toBe('60');
  });

  it('writes whole lines into one access log', async () => {
    await eventually(() => {
      const lines = readFileSync(`${place.folder}/access.log`, 'utf8').trim().split('\n');
      expect(lines).toHaveLength(60);
      for (const line of lines) expect(line).toMatch(/^\/count\/\d+ 200$/);
    });
  });

  it('replaces a worker that dies; the other one never notices', async () => {
    const before = workerPids();
    const agents = Array.from({ length: 16 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    await Promise.all(agents.map((agent) => get('/keep', agent)));
    process.kill(before[0]!, 'SIGKILL');
    // New connections: those that the dead worker's socket gets wait for its replacement.
    const fresh = await Promise.all(Array.from({ length: 40 }, () => get('/fresh')));
    expect(fresh.filter((status) => status !== 200)).toEqual([]);
    const kept = await Promise.all(agents.map((agent) => get('/keep', agent).catch(() => 0)));
    // Kept connections of the living worker go on; on average half of them were its own.
    expect(kept.filter((status) => status === 200).length).toBeGreaterThan(0);
    expect(workerPids()).toHaveLength(2);
    expect(workerPids()).toContain(before[1]);
    expect(workerPids()).not.toContain(before[0]);
    for (const agent of agents) agent.destroy();
  });

  it('stops as one', async () => {
    const pids = workerPids();
    await proxy.stop();
    expect(proxy.child.exitCode).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    await expect(get('/late')).rejects.toThrow('ECONNREFUSED');
  });
});

function workerPids(): number[] {
  const children = readFileSync(`/proc/${proxy.child.pid}/task/${proxy.child.pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
}

function get(path: string, agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: place.port, path, agent: agent ?? false };
    const sent = request(options, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
    sent.end();
  });
}

async function admin(path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${place.admin}${path}`)).text();
}

async function stat(name: string): Promise<number> {
  const line = (await admin('/stats')).split('\n').find((text) => text.startsWith(`${name}: `));
  return Number(line?.split(': ')[1]);
}
