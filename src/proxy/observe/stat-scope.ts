import { Histogram } from './histogram.ts';

// Statistics of filters: whoever is lowered asks its scope for counters once and adds to their fields from then on.
// A statistic lives as long as somebody holds it, as in Envoy: a configuration that follows another with the same names
// goes on counting where that one was, and one that goes takes its statistics along.

/** A number that only goes up: `counter.value++`. */
export class Counter {
  value = 0;
}

/** A number that goes up and down. */
export class Gauge {
  value = 0;
}

export type Statistic = Counter | Gauge | Histogram;

/** Makes statistics whose names start with one prefix. Call it while a configuration is read, never per request. */
export interface StatScope {
  /** `delays_injected` -> `http.ingress.fault.delays_injected` */
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
  /** A scope within this one; `prefix` ends in a dot. */
  scope(prefix: string): StatScope;
}

/** Every statistic that somebody holds, by its full name. Bounded by what configurations ask for. */
export class StatRegistry {
  readonly #known = new Map<string, WeakRef<Statistic>>();
  /** Names of statistics that are gone are dropped when there are twice as many names as there were statistics. */
  #pruneAt = 64;

  /** Statistics under `prefix`, '' or ending in a dot. */
  scope(prefix: string): StatScope {
    return {
      counter: (name) => this.#take(prefix + name, Counter),
      gauge: (name) => this.#take(prefix + name, Gauge),
      histogram: (name) => this.#take(prefix + name, Histogram),
      scope: (inner) => this.scope(prefix + inner),
    };
  }

  /** Those that somebody holds, in no order. */
  *entries(): Generator<readonly [name: string, statistic: Statistic]> {
    for (const [name, held] of this.#known) {
      const statistic = held.deref();
      if (statistic === undefined) this.#known.delete(name);
      else yield [name, statistic];
    }
  }

  #take<T extends Statistic>(name: string, Kind: new () => T): T {
    const known = this.#known.get(name)?.deref();
    if (known instanceof Kind) return known;
    const made = new Kind();
    this.#known.set(name, new WeakRef(made));
    if (this.#known.size >= this.#pruneAt) {
      for (const _ of this.entries());
      this.#pruneAt = Math.max(64, this.#known.size * 2);
    }
    return made;
  }
}
