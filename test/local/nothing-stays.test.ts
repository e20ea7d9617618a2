import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Way } from '../../src/local/way.ts';
import { anyIn, anyRuns, cleanUp, namespacesOf, namespaceWays, startMesh, traces } from './mesh-run.ts';

// Whatever ends a run, nothing of it stays: no process, namespace, interface, rule or mount.

afterAll(cleanUp);
const ways: readonly Way[] = [...namespaceWays, 'shared'];

describe.each(ways)('after weft up, %s', (way) => {
  it('SIGINT leaves nothing but logs', async () => {
    const before = traces();
    const run = await startMesh(way);
    const pids = run.pids();
    expect(pids.length).toBeGreaterThan(8);
    const namespaces = namespacesOf(pids);
    expect(namespaces.size).toBeGreaterThanOrEqual(way === 'shared' ? 0 : 6);
    run.process.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.events().at(-1)).toMatchObject({ event: 'stopped' });
    await vi.waitUntil(() => !anyRuns(pids), { timeout: 15_000 });
    expect(traces()).toEqual(before);
    expect(anyIn(namespaces)).toBe(false);
    expect(readdirSync(run.folder)).toEqual(['logs']);
    expect(run.log('default.web-0.app')).toContain('app ends');
  });

  it('kill -9 of the parent leaves nothing, and the next start removes its files', async () => {
    const before = traces();
    const run = await startMesh(way);
    const pids = run.pids();
    const namespaces = namespacesOf(pids);
    run.process.kill('SIGKILL');
    await run.ended;
    await vi.waitUntil(() => !anyRuns(pids), { timeout: 15_000 });
    expect(traces()).toEqual(before);
    expect(anyIn(namespaces)).toBe(false);
    expect(existsSync(`${run.folder}/objects`)).toBe(true);
    const next = await startMesh(way, { base: run.mesh.replace(/\/mesh$/, '') });
    if (next.folder !== run.folder) expect(readdirSync(run.folder)).toEqual(['logs']);
    next.process.kill('SIGTERM');
    expect(await next.ended).toBe(0);
  });

  it('a taken port is refused with a sentence before anything starts', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const run = await startMesh(way, { port: port ?? 0 });
    expect(await run.ended).toBe(1);
    expect(run.events().at(-1)?.text).toContain(`Port ${port} of 127.0.0.1 is taken`);
    server.close();
  });
});
