import { escapeLabel, type StatRow } from './stat-rows.ts';

// Counters whose names come out of the traffic: as many as there are different values, and so limited.

/** Most counters of one prefix; a configuration may want fewer. What would be one more is not counted. */
export const MAX_LOGGED_COUNTERS = 10_000;

/** One part of what a counter is told from others by. */
export interface LoggedTag {
  readonly name: string;
  readonly value: string;
}

/** All of one proxy, by prefix; they live as long as it. */
export type LoggedCounters = Map<string, { rows(): Iterable<StatRow> }>;

/** The counters under a prefix. The limit of who asked last holds. */
export function loggedScope(all: LoggedCounters, prefix: string, max: number): LoggedScope {
  const known = all.get(prefix);
  const scope = known instanceof LoggedScope ? known : new LoggedScope(prefix);
  scope.max = max;
  all.set(prefix, scope);
  return scope;
}

interface Row {
  readonly name: string;
  readonly metric: string;
  readonly labels: string;
  value: number;
  readonly isGauge: false;
}

/** Counters under one prefix. */
export class LoggedScope {
  max = MAX_LOGGED_COUNTERS;
  readonly #prefix: string;
  readonly #rows = new Map<string, Row>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Adds to the counter with this name and these tags, if there is a place for it. */
  add(name: string, tags: readonly LoggedTag[], by: number): void {
    let key = name;
    for (const tag of tags) key += `.${tag.name}.${tag.value}`;
    const known = this.#rows.get(key);
    if (known !== undefined) known.value += by;
    else if (this.#rows.size < this.max) this.#rows.set(key, this.#row(key, name, tags, by));
  }

  rows(): Iterable<StatRow> {
    return this.#rows.values();
  }

  #row(key: string, name: string, tags: readonly LoggedTag[], value: number): Row {
    const dot = this.#prefix === '' ? '' : `${this.#prefix}.`;
    const metric = `${dot}${name}`.replace(/[^a-zA-Z0-9_]/g, '_');
    const labels = tags.map((tag) => `${tag.name}="${escapeLabel(tag.value)}"`).join(',');
    return { name: dot + key, metric, labels, value, isGauge: false };
  }
}
