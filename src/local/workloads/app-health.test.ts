import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { Place } from '../network/pod-networks.ts';
import type { Container, Probe } from '../resources/objects.ts';
import { AppHealth } from './app-health.ts';

const world = { status: 200, asked: [] as string[] };
const server = createServer((request, response) => {
  world.asked.push(request.url ?? '');
  response.statusCode = world.status;
  response.end();
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => void server.close());

const place = (): Place => ({
  address: '127.0.0.1',
  argv: (_role, argv) => [...argv],
  appEnv: {},
  annotations: {},
  target: () => ({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }),
  proxyHealth: { host: '127.0.0.1', port: 1 },
});
const probe = (path: string, more: Partial<Probe> = {}): Probe => ({
  check: { kind: 'http', secure: false, port: 80, path, headers: [] },
  ...{ initialDelayMs: 0, periodMs: 50, timeoutMs: 1000, successThreshold: 1, failureThreshold: 2 },
  ...more,
});
const watch = (container: Partial<Container>) => {
  const seen = { ready: [] as boolean[], unhealthy: [] as string[] };
  const none = { startup: undefined, liveness: undefined, readiness: undefined };
  const full: Container = { name: 'app', image: '', env: [], ports: [], ...none, ...container };
  const subject = { container: full, place: place(), env: { PATH: process.env['PATH'] ?? '' }, cwd: '/' };
  const health = new AppHealth(subject, systemClock, {
    onReady: (ready) => seen.ready.push(ready),
    onUnhealthy: (detail) => seen.unhealthy.push(detail),
  });
  return { seen, health };
};

describe('AppHealth', () => {
  it('asks for readiness and liveness only when the startup probe has passed', async () => {
    world.status = 503;
    world.asked = [];
    const { seen, health } = watch({
      startup: probe('/start', { failureThreshold: 100 }),
      readiness: probe('/ready'),
      liveness: probe('/live'),
    });
    await vi.waitUntil(() => world.asked.length >= 3, 10_000);
    expect(new Set(world.asked)).toEqual(new Set(['/start']));
    world.status = 200;
    await vi.waitUntil(() => seen.ready.length === 1 && world.asked.includes('/live'), 10_000);
    world.status = 500;
    await vi.waitUntil(() => seen.unhealthy.length === 1 && seen.ready.length === 2, 10_000);
    health.stop();
    expect(seen.ready).toEqual([true, false]);
    expect(seen.unhealthy).toEqual(['its liveness probe failed (HTTP 500)']);
  });

  it('gives up on an application that does not start in its time', async () => {
    world.status = 503;
    const { seen, health } = watch({ startup: probe('/start', { periodMs: 20, failureThreshold: 3 }) });
    await vi.waitUntil(() => seen.unhealthy.length === 1, 10_000);
    health.stop();
    expect(seen.unhealthy[0]).toContain('startup probe did not pass within 0.06 s');
  });

  it('without a readiness probe it is ready when its port takes connections, and without a port at once', async () => {
    const withPort = watch({ ports: [{ name: '', number: 80, protocol: 'TCP' }] });
    await vi.waitUntil(() => withPort.seen.ready.length === 1, 10_000);
    withPort.health.stop();
    const without = watch({});
    await vi.waitUntil(() => without.seen.ready.length === 1, 10_000);
    without.health.stop();
  });

  it('runs commands where the application runs', async () => {
    const { seen, health } = watch({
      readiness: probe('', { check: { kind: 'exec', command: ['test', '-d', '/'] } }),
    });
    await vi.waitUntil(() => seen.ready.length === 1, 10_000);
    health.stop();
  });
});
