import type { Clock, Timer } from '../../lib/clock.ts';
import type { ProxyCounts } from './proxy-counts.ts';
import type { MetricsAddress } from './read-metrics.ts';
import { type Peer, type ReadPod, TrafficLedger } from './traffic-ledger.ts';

/** How often every proxy is read, besides when somebody asks. */
const READ_EVERY_MS = 30_000;
/** Proxies that are read at a time. */
const READS_AT_ONCE = 16;
/** Addresses of Pods that are gone and who had them: what they called before is counted after. */
const MAX_GONE_ADDRESSES = 10_000;

/** A Pod with a proxy that offers statistics. */
export interface ObservedPod extends ReadPod {
  readonly metrics: MetricsAddress;
}

/** What the mesh is now. */
export interface ObservedMesh {
  readonly pods: readonly ObservedPod[];
  /** Who has which address. */
  readonly peers: readonly Peer[];
}

/** What the observer is made of. */
export interface ObserverOptions {
  readonly clock: Clock;
  readonly mesh: () => ObservedMesh;
  readonly read: (from: MetricsAddress) => Promise<ProxyCounts | undefined>;
  readonly onError: (error: unknown) => void;
}

/** Reads the proxies' statistics again and again. */
export class Observer {
  readonly ledger = new TrafficLedger();
  readonly #options: ObserverOptions;
  /** The oldest first. */
  readonly #peers = new Map<string, Peer>();
  #timer: Timer | undefined;
  #hasStopped = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#later();
  }

  /** Reads those of the Pods now; resolves when all have answered or will not. */
  async readNow(isWanted: (pod: ReadPod) => boolean): Promise<void> {
    const { pods, peers } = this.#options.mesh();
    this.#remember(peers);
    const there = new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`));
    this.ledger.keep(({ namespace, name }) => there.has(`${namespace}/${name}`));
    const waiting = pods.filter(isWanted).values();
    const readRest = async (): Promise<void> => {
      for (const pod of waiting) await this.#read(pod);
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readRest));
  }

  stop(): void {
    this.#hasStopped = true;
    this.#timer?.cancel();
  }

  async #read(pod: ObservedPod): Promise<void> {
    const { clock, read } = this.#options;
    const counts = await read(pod.metrics);
    if (counts !== undefined) this.ledger.note(pod, counts, (address) => this.#whoIs(address), clock.nowMs());
  }

  #later(): void {
    if (this.#hasStopped) return;
    this.#timer = this.#options.clock.setTimeout(() => {
      this.readNow(() => true)
        .catch(this.#options.onError)
        .finally(() => this.#later());
    }, READ_EVERY_MS);
  }

  #remember(peers: readonly Peer[]): void {
    for (const peer of peers) {
      this.#peers.delete(peer.address);
      this.#peers.set(peer.address, peer);
    }
    const max = peers.length + MAX_GONE_ADDRESSES;
    for (const address of this.#peers.keys()) {
      if (this.#peers.size <= max) break;
      this.#peers.delete(address);
    }
  }

  #whoIs(address: string): Peer {
    return this.#peers.get(address) ?? { address, namespace: '', workload: '', hasProxy: false };
  }
}
