import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Pair, type Side, startPair } from './harness.ts';
import { httpBootstrap } from './http-bootstrap.ts';

/** The admin end points of both, for the same bootstrap: the same keys with the same types. */
let pair: Pair | undefined;
beforeAll(async () => {
  pair = await startPair(httpBootstrap());
});
afterAll(() => pair?.stop());

/** `a.b[].c: string` for every value of a document, sorted. */
function shape(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((item) => shape(item, `${path}[]`)))].sort();
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value)
    .flatMap(([key, item]) => shape(item, `${path}.${key}`))
    .sort();
}

async function both(path: string, method = 'GET'): Promise<{ status: number; text: string }[]> {
  const sides = [pair!.envoy, pair!.weft];
  return Promise.all(
    sides.map(async (side: Side) => {
      const response = await fetch(`http://127.0.0.1:${side.ports.admin}${path}`, { method });
      return { status: response.status, text: plain(await response.text(), side) };
    }),
  );
}

/** Ports are each side's own. */
function plain(text: string, { ports }: Side): string {
  let same = text;
  for (const [i, port] of [...ports.listeners, ...ports.upstreams].entries())
    same = same.replace(new RegExp(`\\b${port}\\b`, 'g'), String(990_000 + i));
  return same;
}

describe('the admin end points of Envoy and weft', () => {
  it.for(['/clusters', '/listeners', '/ready', '/certs', '/runtime', '/init_dump'])(
    'say the same: %s',
    async (path, { skip }) => {
      if (pair === undefined) return skip('no Envoy here');
      const [envoy, weft] = await both(path);
      expect(weft?.status).toBe(envoy?.status);
      const lines = (text = '') => text.replace(/\s+$/gm, '').split('\n').sort();
      if (path === '/runtime' || path === '/certs')
        expect(JSON.parse(weft!.text)).toEqual(JSON.parse(envoy!.text));
      else expect(lines(weft?.text)).toEqual(lines(envoy?.text));
    },
  );

  it.for(['/clusters?format=json', '/listeners?format=json', '/memory'])(
    'have the same keys and types: %s',
    async (path, { skip }) => {
      if (pair === undefined) return skip('no Envoy here');
      const [envoy, weft] = await both(path);
      expect(shape(JSON.parse(weft!.text))).toEqual(shape(JSON.parse(envoy!.text)));
    },
  );

  it('/server_info: what weft has of it has the same types; it says who it is', async ({ skip }) => {
    if (pair === undefined) return skip('no Envoy here');
    const [envoy, weft] = await both('/server_info');
    const known = new Set(shape(JSON.parse(envoy!.text)));
    const ours = shape(JSON.parse(weft!.text)).filter((line) => !known.has(line));
    expect(ours).toEqual(['.control_plane: string', '.node.user_agent_version: string']);
  });

  it('statistics are chosen by filter, type and use', async ({ skip }) => {
    if (pair === undefined) return skip('no Envoy here');
    for (const query of [
      'filter=^cluster.lane-0.membership_',
      'filter=cx_total$&usedonly',
      'filter=nothing_of_it',
    ]) {
      const [envoy, weft] = await both(`/stats?${query}`);
      const names = (text = '') => text.split('\n').map((line) => line.split(':')[0]);
      for (const name of names(weft?.text)) expect(names(envoy?.text)).toContain(name);
    }
    const [envoy, weft] = await both('/stats?filter=lane-0.membership_total&format=json');
    expect(JSON.parse(weft!.text)).toEqual(JSON.parse(envoy!.text));
    for (const path of ['/stats?filter=(', '/stats?format=xml'])
      for (const { status } of await both(path)) expect(status).toBe(400);
  });

  it('what changes something wants POST', async ({ skip }) => {
    if (pair === undefined) return skip('no Envoy here');
    for (const path of [
      '/logging',
      '/healthcheck/fail',
      '/drain_listeners',
      '/quitquitquit',
      '/reopen_logs',
    ]) {
      const [envoy, weft] = await both(path);
      expect(weft, path).toEqual(envoy);
    }
    const [, levels] = await both('/logging?level=debug', 'POST');
    expect(levels?.text).toContain('main: debug');
    for (const { status } of await both('/logging?level=loud', 'POST')) expect(status).toBe(400);
    for (const { status } of await both('/no-such-path')) expect(status).toBe(404);
  });

  it('/healthcheck/fail makes a proxy say that it is leaving, /healthcheck/ok takes it back', async ({
    skip,
  }) => {
    if (pair === undefined) return skip('no Envoy here');
    for (const { text } of await both('/healthcheck/fail', 'POST')) expect(text).toBe('OK\n');
    for (const { status, text } of await both('/ready')) {
      expect(status).toBe(503);
      expect(text).toContain('DRAINING');
    }
    await both('/healthcheck/ok', 'POST');
    for (const { status } of await both('/ready')) expect(status).toBe(200);
  });
});
