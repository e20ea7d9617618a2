/** Bounds of what is held on demand. */
export interface DemandLimits {
  /** Names of one kind, absent ones included. */
  readonly maxNames: number;
  /** What nobody used for so long is given back. */
  readonly idleMs: number;
  /** How often that is looked at. */
  readonly sweepMs: number;
  /** How long a connection or a request waits for the control plane to say where it leads. */
  readonly answerMs: number;
  /** How long a DNS question waits; then the resolvers behind this one are asked. Clients ask again after 5 s. */
  readonly nameMs: number;
  /** Connections, requests and questions that may wait at a time. */
  readonly maxWaiting: number;
  /** Longest host that is asked for: a DNS name and a port. Nothing but a catch-all answers for longer ones. */
  readonly maxHostLength: number;
}

export const DEMAND_LIMITS: DemandLimits = {
  maxNames: 20_000,
  idleMs: 600_000,
  sweepMs: 60_000,
  answerMs: 5_000,
  nameMs: 2_000,
  maxWaiting: 10_000,
  maxHostLength: 259,
};
