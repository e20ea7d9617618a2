import type { Clock } from '../../lib/clock.ts';
import type { Peer } from './admission.ts';
import type { AdsProtocol } from './ads-protocol.ts';
import { AdsStream, type AdsTransport } from './ads-stream.ts';
import type { MeshState } from './mesh-state.ts';
import { type StreamLimits, StreamPlaces } from './stream-places.ts';

/** Bounds of what proxies may ask for. */
export interface FleetLimits extends StreamLimits {
  readonly maxStreams: number;
  /** Names per stream. */
  readonly maxSubscriptions: number;
  /** Proxies that are remembered after their stream has ended. */
  readonly maxEnded: number;
}

export const DEFAULT_FLEET_LIMITS: FleetLimits = {
  maxStreams: 10_000,
  maxStreamsPerProxy: 8,
  maxUnknownPerIdentity: 500,
  maxSubscriptions: 100_000,
  maxEnded: 1000,
};

/** Work on one change goes on for so long before others get their turn. */
const SLICE_MS = 10;

/** All streams of all proxies. */
export interface Fleet {
  /** A stream has opened; undefined where there are too many. */
  open(protocol: AdsProtocol, peer: Peer | undefined, transport: AdsTransport): AdsStream | undefined;
  /** Its call is over. */
  close(stream: AdsStream): void;
  /** Everyone gets what the new state has for them, in slices, so that answers are heard meanwhile. */
  replace(state: MeshState): void;
  state(): MeshState;
  /** Open streams, oldest first. */
  streams(): readonly AdsStream[];
  /** Of proxies that have no stream any more, the last one each. */
  ended(): readonly AdsStream[];
}

/** No streams, in a mesh that is `first`. */
export function createFleet(
  clock: Clock,
  first: MeshState,
  limits = DEFAULT_FLEET_LIMITS,
  onError: (error: unknown) => void = () => {},
): Fleet {
  const streams = new Set<AdsStream>();
  const ended = new Map<string, AdsStream>();
  const waiting = new Set<AdsStream>();
  const places = new StreamPlaces(limits);
  let state = first;
  let opened = 0;
  let isRunning = false;

  const run = (): void => {
    const untilMs = clock.monotonicMs() + SLICE_MS;
    for (const stream of waiting) {
      waiting.delete(stream);
      stream.refresh();
      if (clock.monotonicMs() >= untilMs) break;
    }
    isRunning = waiting.size > 0;
    if (isRunning) clock.setTimeout(run, 0);
  };

  return {
    open(protocol, peer, transport) {
      if (streams.size >= limits.maxStreams) return undefined;
      opened += 1;
      const { maxSubscriptions } = limits;
      const id = opened.toString(36);
      const stream = new AdsStream({
        id,
        protocol,
        peer,
        transport,
        clock,
        state: () => state,
        maxSubscriptions,
        onProxy: (one) => places.take(one, state.compiled),
        onError,
      });
      streams.add(stream);
      return stream;
    },
    close(stream) {
      if (!streams.delete(stream)) return;
      waiting.delete(stream);
      places.leave(stream);
      stream.ended();
      const id = stream.proxy?.node.id;
      if (id === undefined) return;
      ended.delete(id);
      ended.set(id, stream);
      if (ended.size > limits.maxEnded) ended.delete(ended.keys().next().value!);
    },
    replace(newer) {
      state = newer;
      for (const stream of streams) waiting.add(stream);
      if (!isRunning) run();
    },
    state: () => state,
    streams: () => [...streams],
    ended() {
      const open = new Set([...streams].map((stream) => stream.proxy?.node.id));
      return [...ended.values()].filter((stream) => !open.has(stream.proxy?.node.id));
    },
  };
}
