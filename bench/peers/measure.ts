import type { Contestant } from './contestant.ts';

/** What the user chose. */
export interface Settings {
  readonly rounds: number;
  /** Of load, per round and kind of load. */
  readonly seconds: number;
  /** Of the open loop. */
  readonly ratePerSecond: number;
  readonly connections: number;
  readonly idleConnections: number;
}

/** A number that a measure gives; the first of a measure is the one it is about, and gets a ratio to Envoy's. */
export interface Metric {
  readonly key: string;
  /** Heading of its column, with the unit. */
  readonly title: string;
  readonly digits: number;
}

export type Values = Readonly<Record<string, number>>;

/** How a scenario is measured. Contestants take turns within each round. */
export interface Measure {
  readonly metrics: readonly Metric[];
  /** What a further round would not tell: at most so many. */
  readonly maxRounds?: number;
  /** Once per contestant, before the first round: warms it up. What it gives is no subject of rounds. */
  warmUp(contestant: Contestant, settings: Settings): Promise<Values>;
  round(contestant: Contestant, settings: Settings): Promise<Values>;
}

const MIB = 1024 * 1024;
export const toMib = (bytes: number): number => bytes / MIB;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
