import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cleanUp, type MeshRun, startMesh, status } from './mesh-run.ts';

// Without namespaces: explicit ports, told to applications by environment and to the control plane by annotations.

describe('weft up, shared', () => {
  let run: MeshRun;
  beforeAll(async () => {
    run = await startMesh('shared');
  });
  afterAll(async () => {
    run.process.kill('SIGTERM');
    await run.ended;
    cleanUp();
  });
  const annotations = (pod: string): Record<string, string> =>
    JSON.parse(readFileSync(join(run.folder, 'objects', `pod.default.${pod}.json`), 'utf8')).metadata
      .annotations;
  const portOf = (pod: string): string => annotations(pod)['weft.dev/ports']?.split(':')[1] ?? '';

  it('gives every application a port of its own, and its proxy to call through', async () => {
    const env = (await (await fetch(`http://127.0.0.1:${portOf('web-0')}/env`)).json()) as Record<
      string,
      string
    >;
    expect(env).toMatchObject({
      PORT: portOf('web-0'),
      PORT_9080: portOf('web-0'),
      PORT_HTTP: portOf('web-0'),
      HOST: '127.0.0.1',
    });
    expect(env['HTTP_PROXY']).toBe(`http://127.0.0.1:${annotations('web-0')['weft.dev/proxy-port']}`);
    expect(env['NODE_USE_ENV_PROXY']).toBe('1');
    expect(new Set([portOf('web-0'), portOf('back-0'), portOf('back-1'), portOf('outsider')]).size).toBe(4);
  });

  it('tells the control plane by annotations', () => {
    expect(annotations('web-0')).toMatchObject({
      'weft.dev/ports': expect.stringMatching(/^9080:\d+$/),
      'weft.dev/inbound-port': expect.stringMatching(/^\d+$/),
      'weft.dev/admin-port': expect.stringMatching(/^\d+$/),
    });
    expect(annotations('outsider')['weft.dev/data-plane']).toBe('none');
  });

  it('probes and restarts all the same', async () => {
    const port = portOf('web-0');
    await fetch(`http://127.0.0.1:${port}/sick`);
    const row = async () => (await status(run)).processes.find(({ name }) => name === 'default/web-0 app');
    await vi.waitUntil(async () => (await row())?.restarts === 1, { timeout: 15_000, interval: 200 });
    await vi.waitUntil(async () => (await status(run)).pods.every((pod) => pod.ready), {
      timeout: 15_000,
      interval: 200,
    });
  });
});
