import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import { network } from '../../wire/net.ts';
import { encode } from '../../xds/encode.ts';
import { typeUrls } from '../../xds/resources.ts';
import { readBootstrap } from '../configure/bootstrap.ts';
import type { DataPlane } from '../data-plane.ts';
import type { ToMain, ToWorker } from './messages.ts';
import { startPool } from './pool.ts';
import type { WorkerChannel } from './pool-environment.ts';
import { createSharedSockets } from './shared-sockets.ts';
import { serveWorker } from './worker.ts';

let pool: DataPlane | undefined;
afterEach(() => pool?.stop(0));

const read = readBootstrap(JSON.stringify({ node: { id: 'a' } }));
if (!read.ok) throw new Error('the bootstrap of this test is wrong');
const bootstrap = read.value;

/** Two workers in this process; `die(i)` ends the one at a place as a crash would. */
async function startTwo(received: ToWorker[][]): Promise<{ pool: DataPlane; die(worker: number): void }> {
  const ends: (() => void)[] = [];
  const spawn = (): WorkerChannel => {
    const messages: ToWorker[] = [];
    received.push(messages);
    let toMain: (message: ToMain) => void = () => {};
    let toWorker: (message: ToWorker, handle: object | undefined) => void = () => {};
    let exited: (why: string) => void = () => {};
    let alive = true;
    const end = (): void => {
      if (alive) queueMicrotask(() => exited('was killed by SIGKILL'));
      alive = false;
    };
    ends.push(end);
    setImmediate(() =>
      serveWorker(
        {
          send: (message) => void (alive && setImmediate(() => toMain(structuredClone(message)))),
          onMessage: (receive) => void (toWorker = receive),
        },
        () =>
          ({
            clock: systemClock,
            random: systemRandom,
            network,
            resolveName: async () => [],
            originalDestination: () => undefined,
            readFile: () => '',
            logs: { open: () => ({ droppedEntries: 0, write() {} }), reopen() {}, flush: async () => {} },
            log() {},
          }) as never,
        end,
      ),
    );
    return {
      pid: 1,
      send(message, handle) {
        messages.push(message);
        const copy = structuredClone(message);
        if (alive) setImmediate(() => toWorker(copy, handle));
      },
      onMessage: (receive) => void (toMain = receive),
      onExit: (ended) => void (exited = ended),
      kill: end,
    };
  };
  pool = await startPool(
    { bootstrap, spiffeId: undefined, version: '1', workers: 2, ticketSeed: '' },
    {
      clock: systemClock,
      log() {},
      logLevel: 'info',
      sockets: createSharedSockets(2, new Map()),
      spawn,
    },
  );
  return { pool, die: (worker) => ends[worker]?.() };
}

const cluster = (name: string, extra: object = {}) => ({
  name,
  version: '1',
  typeUrl: typeUrls.cluster,
  value: encode('envoy.config.cluster.v3.Cluster', {
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {} } },
    ...extra,
  }),
});

describe('a pool of workers', () => {
  it('answers an update when all have: what is refused is refused once, with its reason', async () => {
    const received: ToWorker[][] = [];
    const { pool } = await startTwo(received);
    const refused = await pool.apply(
      typeUrls.cluster,
      [cluster('good'), cluster('bad', { filters: [{ name: 'x' }] })],
      [],
    );
    expect(refused.map(({ name }) => name)).toEqual(['bad']);
    expect(refused[0]?.reason).toContain('filters');
    expect(pool.accepted().map(({ name }) => name)).toEqual(['good']);
    expect(pool.needed().endpoints).toEqual(['good']);
    expect(pool.warming()).toEqual(['good']);
    expect(received.map((messages) => messages.map(({ kind }) => kind))).toEqual([
      ['start', 'apply'],
      ['start', 'apply'],
    ]);
  });

  it('gives the replacement of a dead worker all that is in use', async () => {
    const received: ToWorker[][] = [];
    const { pool, die } = await startTwo(received);
    await pool.apply(typeUrls.cluster, [cluster('one'), cluster('two')], []);
    await pool.apply(typeUrls.cluster, [], ['two']);
    pool.setCredentials({ chainPem: '', privateKeyPem: '', rootsPem: '', receivedAtMs: 0, notAfterMs: 0 });
    die(1);
    await expect
      .poll(() => received[2]?.map(({ kind }) => kind), { timeout: 5_000 })
      .toEqual(['start', 'credentials', 'apply']);
    const update = received[2]?.find((message) => message.kind === 'apply');
    expect(update?.update.resources.map(({ name }) => name)).toEqual(['one']);
    expect(await pool.apply(typeUrls.cluster, [cluster('three')], [])).toEqual([]);
  });

  it('goes on with an update while a worker dies in it', async () => {
    const received: ToWorker[][] = [];
    const { pool, die } = await startTwo(received);
    const applied = pool.apply(typeUrls.cluster, [cluster('one')], []);
    die(0);
    expect(await applied).toEqual([]);
    expect(pool.accepted()).toHaveLength(1);
  });
});
