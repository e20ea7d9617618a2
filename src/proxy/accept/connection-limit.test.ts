import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { closePlanes, greeter, proxyTo } from '../test-tls-proxy.ts';

afterEach(closePlanes);

const heard = (port: number): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (data) => (text += String(data))).on('error', () => {});
    socket.on('end', () => socket.end()).on('close', () => resolve(text));
  });

it('more connections of clients than the whole proxy may have are closed at once', async () => {
  const bootstrap = (limit: number) => ({
    layered_runtime: {
      layers: [{ name: 'a', static_layer: { 'overload.global_downstream_max_connections': limit } }],
    },
  });
  const to = await greeter();
  const full = await proxyTo(to, { bootstrap: bootstrap(0) });
  expect(await heard(full.port)).toBe('');
  expect(await full.stat('listener.downstream_global_cx_overflow')).toBe(1);
  const open = await proxyTo(to, { bootstrap: bootstrap(1) });
  expect(await heard(open.port)).toBe('hello');
  await expect.poll(() => heard(open.port)).toBe('hello');
});
