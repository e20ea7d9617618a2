/**
 * Restart in place, both ends of one proxy: takes over from the one before (`--restart-epoch` above 0), and offers its
 * sockets to the one after (`--base-id`). Without a base id neither happens, and nothing is opened.
 */
import type { Network, OpenedSocket } from '../../wire/connection.ts';
import type { ProxyEnvironment } from '../environment.ts';
import type { ProxyOptions } from '../options.ts';
import { adminSocketKey, type RunningProxy } from '../run.ts';
import { inheritingNetwork } from './inherited-network.ts';
import { offerSockets, restartSocketPath } from './offer.ts';
import { type TakenOver, takeOver } from './take-over.ts';

export interface ReplaceableProxy extends RunningProxy {
  /** A successor serves on this proxy's sockets. */
  readonly replaced: Promise<void>;
}

/** Starts the proxy itself on what it inherits. */
export type StartOn = (
  inherited: Map<string, number[]>,
  network: Network,
  more: { readonly restartEpoch: number; readonly adminSocket?: OpenedSocket; readonly ticketSeed?: string },
) => Promise<RunningProxy>;

/** A proxy that is not ready by then gives up, and the old one goes on. */
const readyTimeoutMs = 60_000;
const pollMs = 10;

/** Throws an Error where there is no proxy to take over from, or this one does not become ready. */
export async function startReplaceable(
  options: Pick<ProxyOptions, 'baseId' | 'restartEpoch'>,
  environment: Pick<ProxyEnvironment, 'clock' | 'log' | 'network'>,
  start: StartOn,
): Promise<ReplaceableProxy> {
  const { clock, log, network } = environment;
  const { baseId, restartEpoch: epoch = 0 } = options;
  const never = new Promise<void>(() => {});
  if (baseId === undefined)
    return { ...(await start(new Map(), network, { restartEpoch: epoch })), replaced: never };

  const before =
    epoch === 0 ? undefined : await takeOver(restartSocketPath(baseId, epoch - 1), epoch - 1, clock);
  const inherited = before?.sockets ?? new Map<string, number[]>();
  const adminFd = inherited.get(adminSocketKey)?.[0];
  inherited.delete(adminSocketKey);
  const proxy = await start(inherited, inheritingNetwork(network, inherited), {
    restartEpoch: epoch,
    ...(adminFd === undefined ? {} : { adminSocket: { fd: adminFd } }),
    ...(before?.ticketSeed === undefined ? {} : { ticketSeed: before.ticketSeed }),
  });
  if (before !== undefined) await relieve(before, proxy);
  const path = restartSocketPath(baseId, epoch);
  const offering = await offerSockets(
    path,
    { epoch, sockets: proxy.sockets, ticketSeed: proxy.ticketSeed, expected: proxy.flush },
    log,
  );
  return {
    ...proxy,
    replaced: offering.replaced,
    async stop(graceMs) {
      offering.close();
      await proxy.stop(graceMs);
    },
  };

  async function relieve(old: TakenOver, fresh: RunningProxy): Promise<void> {
    const untilMs = clock.monotonicMs() + readyTimeoutMs;
    while (!fresh.ready()) {
      if (clock.monotonicMs() > untilMs) {
        await fresh.stop(0);
        throw new Error(
          `not ready after ${readyTimeoutMs / 1000} s: the proxy of epoch ${epoch - 1} goes on`,
        );
      }
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, pollMs));
    }
    old.ready();
    log('info', `took over from the proxy of epoch ${epoch - 1}`);
    void old.ended.then(() => log('info', `the proxy of epoch ${epoch - 1} has ended`));
  }
}
