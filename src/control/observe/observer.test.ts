import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { type ObservedMesh, Observer } from './observer.ts';
import type { ProxyCounts } from './proxy-counts.ts';

const web = {
  namespace: 'default',
  name: 'web-1',
  workload: 'web',
  metrics: { host: '10.0.0.1', port: 15_090 },
};
const job = { address: '10.0.0.9', namespace: 'default', workload: 'job', hasProxy: false };

function counts(callers: number): ProxyCounts {
  return {
    uptimeMs: 1000,
    callers: [{ unit: 'requests', port: 80, peer: job.address, count: callers }],
    ports: [],
    isFull: false,
  };
}

function observing(mesh: ObservedMesh) {
  const clock = manualClock(1_000_000);
  const state = { mesh, counts: counts(0) as ProxyCounts | undefined };
  const asked: string[] = [];
  const observer = new Observer({
    clock,
    mesh: () => state.mesh,
    read: async ({ host, port }) => {
      asked.push(`${host}:${port}`);
      return state.counts;
    },
    onError: (error) => {
      throw error;
    },
  });
  return { clock, observer, state, asked };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the observer', () => {
  it('asks every proxy again and again, until it is stopped', async () => {
    const { clock, observer, asked } = observing({ pods: [web], peers: [] });
    clock.advance(30_000);
    await settled();
    expect(asked).toEqual(['10.0.0.1:15090']);
    clock.advance(30_000);
    await settled();
    expect(asked).toHaveLength(2);
    observer.stop();
    clock.advance(300_000);
    await settled();
    expect(asked).toHaveLength(2);
    expect(clock.pending()).toBe(0);
  });

  it('knows who had an address when the Pod is gone before its calls are read', async () => {
    const { observer, state } = observing({ pods: [web], peers: [job] });
    await observer.readNow(() => true);
    state.mesh = { pods: [web], peers: [] };
    state.counts = counts(3);
    await observer.readNow(() => true);
    const callers = [...(observer.ledger.of('default', 'web')?.callers.values() ?? [])];
    expect(callers).toMatchObject([{ workload: 'job', count: 3 }]);
  });

  it('says nothing of a proxy that does not answer', async () => {
    const { observer, state } = observing({ pods: [web], peers: [] });
    state.counts = undefined;
    await observer.readNow(() => true);
    expect(observer.ledger.reading('default', 'web-1')).toBeUndefined();
  });
});
