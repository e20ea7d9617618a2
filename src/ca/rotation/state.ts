// Replacing what the mesh trusts without anybody noticing: one step at a time, and no step before everyone has taken
// the one before.
//
//   stable -> distribute (old signs, old and new are trusted) -> reissue (new signs, both are trusted)
//          -> retire (new signs, new alone is trusted) -> stable
//
// In: what each proxy has said and was issued (census.ts, ledger.ts), a request of the operator or new files of the
// user. Out: who signs and who is trusted at this moment. rotation.ts runs it, store.ts keeps it on disk. Never: a step
// while one proxy is missing; a step by the passing of time.
//
// This file: the state machine. Pure.

import { literal, object, optional, string, enum as textEnum, number as wholeNumber } from 'zod/mini';

export const PHASES = ['stable', 'distribute', 'reissue', 'retire'] as const;
export type Phase = (typeof PHASES)[number];

/** Where the signing CA comes from: a root made here, the user's folder, or the Secret `cacerts`. */
export const ORIGINS = ['own', 'folder', 'secret'] as const;
export type Origin = (typeof ORIGINS)[number];

/** What is kept on disk. Generations are named by their certificates (store.ts). */
export interface RotationState {
  readonly format: 1;
  readonly phase: Phase;
  /** Who signs now. */
  readonly signer: string;
  readonly origin: Origin;
  /** `distribute`: who shall sign. */
  readonly next?: string | undefined;
  /** `next`'s. */
  readonly nextOrigin?: Origin | undefined;
  /** `reissue`: who signed before and is still trusted; `retire`: is trusted no more. */
  readonly previous?: string | undefined;
  /** Wall time at which the phase began. */
  readonly sinceMs: number;
  /** Wall time at which the rotation began; absent while stable. */
  readonly startedAtMs?: number | undefined;
}

const STATE = object({
  format: literal(1),
  phase: textEnum(PHASES),
  signer: string(),
  origin: textEnum(ORIGINS),
  next: optional(string()),
  nextOrigin: optional(textEnum(ORIGINS)),
  previous: optional(string()),
  sinceMs: wholeNumber(),
  startedAtMs: optional(wholeNumber()),
});

/** A CA at rest. */
export function stable(signer: string, origin: Origin, nowMs: number): RotationState {
  return { format: 1, phase: 'stable', signer, origin, sinceMs: nowMs };
}

/** Begins a rotation to `next`. Throws where one is under way: it has to end first. */
export function begin(state: RotationState, next: string, nextOrigin: Origin, nowMs: number): RotationState {
  if (state.phase !== 'stable') throw new Error(`a rotation is under way (${state.phase})`);
  if (state.signer === next) throw new Error('this CA signs already');
  const { signer, origin } = state;
  return {
    format: 1,
    phase: 'distribute',
    signer,
    origin,
    next,
    nextOrigin,
    sinceMs: nowMs,
    startedAtMs: nowMs,
  };
}

/** The next phase; only to be called when nobody is missing ({@link missingIn} of census.ts). */
export function advanced(state: RotationState, nowMs: number): RotationState {
  const { phase, signer, origin, next, nextOrigin = origin, previous, startedAtMs } = state;
  const common = { format: 1, sinceMs: nowMs, startedAtMs } as const;
  switch (phase) {
    case 'distribute':
      if (next === undefined) throw new Error('a rotation without a next CA');
      return { ...common, phase: 'reissue', signer: next, origin: nextOrigin, previous: signer };
    case 'reissue':
      return { ...common, phase: 'retire', signer, origin, previous };
    case 'retire':
      return stable(signer, origin, nowMs);
    case 'stable':
      return state;
  }
}

/** Generations that are trusted, the one that signs first: workloads take the first root for that of their next leaf. */
export function trusted({ phase, signer, next, previous }: RotationState): readonly string[] {
  const also = phase === 'distribute' ? next : phase === 'reissue' ? previous : undefined;
  return also === undefined ? [signer] : [signer, also];
}

/** Generations whose files are needed. */
export function needed(state: RotationState): readonly string[] {
  const { previous } = state;
  return previous === undefined ? trusted(state) : [...new Set([...trusted(state), previous])];
}

/** Reads a stored state; undefined for what is none. */
export function readState(text: string): RotationState | undefined {
  try {
    const parsed = STATE.safeParse(JSON.parse(text));
    return parsed.success && isWhole(parsed.data) ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function isWhole({ phase, next, previous }: RotationState): boolean {
  if (phase === 'distribute') return next !== undefined;
  return phase === 'stable' || previous !== undefined;
}
