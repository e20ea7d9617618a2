import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { PodNetworks } from '../network/pod-networks.ts';
import type { ObjectFolder } from '../publish.ts';
import { Services } from './services.ts';

const objects = { put: vi.fn(), remove: vi.fn() } as unknown as ObjectFolder;
const backend = (address: string) => ({
  namespace: 'default',
  labels: {},
  address,
  ready: true,
  ports: [],
  names: new Map([['pod.test', address]]),
});

describe('what leads to Services', () => {
  it('is settled only when it is applied, one table at a time, the newest last', async () => {
    const served: string[] = [];
    let running = 0;
    const serve: PodNetworks['serve'] = async (_, names) => {
      expect(++running).toBe(1);
      // The first takes longer than all that follow.
      await new Promise((done) => setTimeout(done, served.length === 0 ? 100 : 1));
      served.push(names.get('pod.test')?.[0] ?? '');
      running--;
    };
    const settled = vi.fn();
    const services = new Services(objects, { serve } as PodNetworks, vi.fn(), systemClock, settled);
    services.setBackends([backend('10.0.0.1')]);
    expect(services.settled).toBe(false);
    await vi.waitUntil(() => running === 1, 10_000);
    services.setBackends([backend('10.0.0.2')]);
    services.setBackends([backend('10.0.0.3')]);
    await vi.waitUntil(() => settled.mock.calls.length > 0, 10_000);
    expect(services.settled).toBe(true);
    expect(served).toEqual(['10.0.0.1', '10.0.0.3']);
  });

  it('says what went wrong and goes on', async () => {
    const serve = vi.fn().mockRejectedValueOnce(new Error('nft: no')).mockResolvedValue(undefined);
    const report = vi.fn();
    const services = new Services(objects, { serve } as unknown as PodNetworks, report, systemClock, vi.fn());
    services.setBackends([]);
    await vi.waitUntil(() => report.mock.calls.length === 1, 10_000);
    expect(report.mock.calls[0]?.[0].text).toBe('Cluster IPs cannot be updated: nft: no');
    services.setBackends([]);
    await vi.waitUntil(() => serve.mock.calls.length === 2, 10_000);
  });
});
