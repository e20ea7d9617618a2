import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { network } from '../wire/net.ts';
import { readBootstrap } from './configure/bootstrap.ts';
import { type DataPlane, startDataPlane } from './data-plane.ts';
import type { ProxyEnvironment } from './environment.ts';

/** A data plane, as tests use it. */
export interface TestDataPlane {
  readonly plane: DataPlane;
  /** A counter or gauge of its statistics by name, in which listeners go without address. NaN where there is none. */
  stat(name: string): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the one of a bootstrap on the machine's clock and sockets, without names, files and logs, but for `more`. */
export async function startTestDataPlane(
  written: object,
  ticketSeed = '',
  more: Partial<ProxyEnvironment> = {},
): Promise<TestDataPlane> {
  const bootstrap = readBootstrap(JSON.stringify(written));
  if (!bootstrap.ok) throw new Error(JSON.stringify(bootstrap.refusals));
  const plane = await startDataPlane(
    { bootstrap: bootstrap.value, spiffeId: undefined, version: '1', workers: 1, ticketSeed },
    {
      clock: systemClock,
      random: systemRandom,
      network,
      resolveName: () => Promise.reject(new Error('no names here')),
      originalDestination: () => undefined,
      readFile: () => '',
      logs: { open: () => ({ droppedEntries: 0, write() {} }), reopen() {}, flush: async () => {} },
      log() {},
      ...more,
    },
  );
  return {
    plane,
    async stat(name) {
      const { body } = await plane.routes.get('/stats')!.answer(new URLSearchParams());
      const lines = body.replaceAll(/^listener\.127\.0\.0\.1_\d+\./gm, 'listener.').split('\n');
      return Number(lines.find((line) => line.startsWith(`${name}: `))?.split(': ')[1]);
    },
    stop: () => plane.stop(0),
  };
}
