import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { loadEvent, startLoad } from './load.ts';

describe('startLoad', () => {
  it('asks at its rate, whether answers come or not', async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      asked++;
      expect(request.url).toBe('/page');
      if (asked > 1) return; // one answer, then silence
      response.end('x');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const load = startLoad((server.address() as AddressInfo).port, '/page', 200, () => {});
    await vi.waitUntil(() => asked >= 20, { timeout: 5000 });
    load.stop();
    server.closeAllConnections();
    server.close();
  });
});

describe('loadEvent', () => {
  it('tells statuses, failures and latencies', () => {
    const latenciesMs = Array.from({ length: 100 }, (_, i) => i + 1);
    const statuses = new Map([
      [503, 2],
      [200, 98],
    ]);
    const event = loadEvent({ sent: 103, failed: 1, skipped: 2, statuses, latenciesMs });
    expect(event.text).toBe(
      'load: 103 requests: 98 x 200, 2 x 503, 1 failed, 2 left out; p50 51 ms, p99 100 ms',
    );
    expect(event.data).toMatchObject({ sent: 103, failed: 1, statuses: { 200: 98, 503: 2 } });
  });
});
