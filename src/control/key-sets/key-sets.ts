/**
 * Key sets that RequestAuthentications fetch (`jwksUri`).
 *
 * In: the addresses that policies name now. Out: the last good key set of each, and why there is none or none newer.
 * Called by control/main.ts, which compiles anew when one changes. A key set that was good once stays good until a
 * newer one is: an identity provider that is away is no reason to log everybody out. What never happens here:
 * verification of tokens (proxies do that), a fetch from an address that nobody allowed (fetch-key-set.ts).
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { KeySet } from '../../mesh/authentication.ts';

/** Fetches a key set's text. Rejects with a sentence. */
export type FetchKeySet = (uri: string, timeoutMs: number) => Promise<string>;

/** Where key sets outlive the process; both may do nothing. */
export interface KeySetShelf {
  /** By address: what was last put there. */
  read(): ReadonlyMap<string, StoredKeySet>;
  write(all: ReadonlyMap<string, StoredKeySet>): void;
}

export interface StoredKeySet {
  readonly keys: string;
  /** Wall time in milliseconds. */
  readonly fetchedAtMs: number;
}

export interface KeySetWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: FetchKeySet;
  readonly shelf: KeySetShelf;
}

/** A good key set is fetched again after this long (Istio's), give or take a tenth. */
export const REFRESH_MS = 20 * 60_000;
/** After a failure, doubled each time. */
export const FIRST_RETRY_MS = 1_000;
export const MAX_RETRY_MS = 5 * 60_000;
/** More addresses than these are not fetched. */
export const MAX_KEY_SETS = 1_000;

interface Entry {
  timeoutMs: number;
  stored: StoredKeySet | undefined;
  problem: string;
  failures: number;
  timer: Timer | undefined;
}

/** Keeps key sets fresh. */
export class KeySets {
  readonly #world: KeySetWorld;
  readonly #onChange: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #shelved: Map<string, StoredKeySet>;
  #current: ReadonlyMap<string, KeySet> = new Map();

  /** `onChange` is called when {@link current} differs from what it was. */
  constructor(world: KeySetWorld, onChange: () => void) {
    this.#world = world;
    this.#onChange = onChange;
    this.#shelved = new Map(world.shelf.read());
  }

  /** By address; a new map when anything in it changed. */
  get current(): ReadonlyMap<string, KeySet> {
    return this.#current;
  }

  /** These are wanted now, with the time each fetch may take; others are forgotten. */
  want(wanted: ReadonlyMap<string, number>): void {
    let changed = false;
    for (const [uri, entry] of this.#entries)
      if (!wanted.has(uri)) {
        entry.timer?.cancel();
        this.#entries.delete(uri);
        changed = true;
      }
    for (const [uri, timeoutMs] of wanted) {
      const known = this.#entries.get(uri);
      if (known !== undefined) known.timeoutMs = timeoutMs;
      else if (this.#entries.size < MAX_KEY_SETS) {
        this.#begin(uri, timeoutMs);
        changed = true;
      }
    }
    if (changed) this.#publish();
  }

  stop(): void {
    for (const { timer } of this.#entries.values()) timer?.cancel();
    this.#entries.clear();
  }

  #begin(uri: string, timeoutMs: number): void {
    const stored = this.#shelved.get(uri);
    const problem = stored === undefined ? 'it is being fetched for the first time' : '';
    const entry: Entry = { timeoutMs, stored, problem, failures: 0, timer: undefined };
    this.#entries.set(uri, entry);
    void this.#fetch(uri, entry);
  }

  async #fetch(uri: string, entry: Entry): Promise<void> {
    const { clock, fetch } = this.#world;
    try {
      const keys = await fetch(uri, entry.timeoutMs);
      if (this.#entries.get(uri) !== entry) return;
      this.#took(uri, entry, keys);
    } catch (error) {
      if (this.#entries.get(uri) !== entry) return;
      this.#failed(entry, (error as Error).message);
    }
    entry.timer = clock.setTimeout(() => void this.#fetch(uri, entry), this.#nextMs(entry));
  }

  #took(uri: string, entry: Entry, keys: string): void {
    const isNew = entry.stored?.keys !== keys || entry.problem !== '';
    entry.stored = { keys, fetchedAtMs: this.#world.clock.nowMs() };
    entry.problem = '';
    entry.failures = 0;
    this.#shelved.set(uri, entry.stored);
    this.#world.shelf.write(this.#shelved);
    if (isNew) this.#publish();
  }

  #failed(entry: Entry, message: string): void {
    entry.failures++;
    const { stored } = entry;
    const problem =
      stored === undefined
        ? message
        : `${message}; the keys of ${new Date(stored.fetchedAtMs).toISOString()} stay in use`;
    if (problem === entry.problem) return;
    entry.problem = problem;
    this.#publish();
  }

  #nextMs({ failures }: Entry): number {
    const spread = 0.9 + this.#world.random.next() / 5;
    const baseMs = failures === 0 ? REFRESH_MS : Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    return baseMs * spread;
  }

  #publish(): void {
    this.#current = new Map(
      [...this.#entries].map(([uri, { stored, problem }]) => [uri, { keys: stored?.keys, problem }]),
    );
    this.#onChange();
  }
}
