import type { Clock } from '../../../../lib/clock.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import { callCluster } from '../cluster-call.ts';
import { parseKeySet, type VerificationKey } from './key-set.ts';

/** Longest JWKS that is read. */
const MAX_KEY_SET_BYTES = 1024 * 1024;

/** Where an issuer's keys are, and how long they hold. */
export interface RemoteKeysConfig {
  readonly host: string;
  /** Path with query. */
  readonly target: string;
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  /** How long to leave an issuer alone that did not answer. */
  readonly failedRefetchMs: number;
  /** Tries after the first of one fetch. */
  readonly retries: number;
}

/**
 * Keys that are fetched. Once there, requests do not wait for them: what is too old is fetched anew in the background,
 * and the last good copy stays in use while the issuer does not answer. Only keys that nobody asked for in so long that
 * they are twice as old as they should be are waited for.
 */
export class RemoteKeys {
  readonly #config: RemoteKeysConfig;
  readonly #cluster: (name: string) => Cluster | undefined;
  #keys: readonly VerificationKey[] | undefined;
  #fetchedMs = 0;
  #failedMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(config: RemoteKeysConfig, cluster: (name: string) => Cluster | undefined) {
    this.#config = config;
    this.#cluster = cluster;
  }

  /** The keys, a promise of them, or of undefined where they were never there. */
  get(clock: Clock): readonly VerificationKey[] | Promise<readonly VerificationKey[] | undefined> {
    const { cacheMs, failedRefetchMs } = this.#config;
    const nowMs = clock.monotonicMs();
    const ageMs = nowMs - this.#fetchedMs;
    if (this.#keys === undefined) return this.#fetch(clock).then(() => this.#keys);
    if (ageMs < cacheMs || nowMs - this.#failedMs < failedRefetchMs) return this.#keys;
    const fetched = this.#fetch(clock);
    return ageMs < 2 * cacheMs ? this.#keys : fetched.then(() => this.#keys);
  }

  /** One fetch at a time, for all who wait. */
  #fetch(clock: Clock): Promise<void> {
    this.#fetching ??= this.#fetchNow(clock).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchNow(clock: Clock): Promise<void> {
    for (let i = 0; i <= this.#config.retries; i++) {
      const keys = await this.#ask(clock);
      if (keys === undefined) continue;
      this.#keys = keys;
      this.#fetchedMs = clock.monotonicMs();
      return;
    }
    this.#failedMs = clock.monotonicMs();
  }

  async #ask(clock: Clock): Promise<readonly VerificationKey[] | undefined> {
    const { host, target, timeoutMs, cluster } = this.#config;
    const headers = ['host', host, 'accept', 'application/json'];
    const call = { method: 'GET', target, headers, timeoutMs, maxBytes: MAX_KEY_SET_BYTES };
    const answer = await callCluster(this.#cluster(cluster), call, clock);
    if (!answer.ok || answer.value.status !== 200) return undefined;
    const keys = parseKeySet(answer.value.body.toString('utf8'));
    // An issuer without a usable key is broken: what was good before stays good.
    return keys?.length === 0 ? undefined : keys;
  }
}
