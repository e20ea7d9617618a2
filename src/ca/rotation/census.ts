// Who has taken a step of the rotation, and who is missing. Pure.

import type { Phase } from './state.ts';

/** What is known of one proxy, or of one holder of a certificate. */
export interface CensusEntry {
  /** `POD.NAMESPACE`, or the identity and the address where no Pod is known. */
  readonly name: string;
  readonly connected: boolean;
  /** It has acknowledged the present trust bundle. */
  readonly trustsPresent: boolean;
  /** Its certificate was issued by the present signer, and it uses it; undefined: it has none of ours. */
  readonly leafIsPresent: boolean | undefined;
}

/** Somebody whom the next step waits for. */
export interface Missing {
  readonly name: string;
  readonly why: string;
}

/** How far a phase is: `done` of `of`; the phase is over when they are equal. */
export interface Progress {
  readonly done: number;
  readonly of: number;
  readonly missing: readonly Missing[];
}

const nobody: Progress = { done: 0, of: 0, missing: [] };

/** Who has yet to take the step of a phase. */
export function progressOf(phase: Phase, census: readonly CensusEntry[]): Progress {
  if (phase === 'stable') return nobody;
  const concerned =
    phase === 'reissue' ? census.filter((one) => one.leafIsPresent !== undefined || one.connected) : census;
  const missing = concerned.flatMap((one) => {
    const why = phase === 'reissue' ? (lacksTrust(one) ?? lacksLeaf(one)) : lacksTrust(one);
    return why === undefined ? [] : [{ name: one.name, why }];
  });
  return { done: concerned.length - missing.length, of: concerned.length, missing };
}

function lacksTrust({ trustsPresent, connected }: CensusEntry): string | undefined {
  if (trustsPresent) return undefined;
  return connected ? 'has not acknowledged the trust bundle' : 'is not connected';
}

function lacksLeaf({ leafIsPresent, connected }: CensusEntry): string | undefined {
  if (leafIsPresent !== false) return undefined;
  return connected ? 'still uses a certificate of the CA before' : 'is not connected';
}
