import type { DenialReport, DenialsReport, ObservedDenials } from '../../server/contract.ts';

/** Bounds of what is kept of denials. */
export const DENIAL_LIMITS = {
  /** Denials that are kept; older ones are forgotten. */
  maxKept: 5000,
  /** Of one proxy: further ones of a second are dropped, and counted. */
  perSecond: 100,
  burst: 500,
  /** Most that one answer has. */
  maxListed: 100,
  /** Pairs of a policy that observes and a caller, which are counted. */
  maxObserved: 1000,
  /** Calls of proxies that tell of denials. */
  maxCalls: 10_000,
} as const;

/** The last denials of the proxies of this control plane. */
export class DenialRing {
  readonly #kept: DenialReport[] = [];
  readonly #observed = new Map<string, ObservedDenials>();
  #next = 0;
  #dropped = 0;

  add(denial: DenialReport): void {
    if (denial.verdict === 'would-deny') this.#count(denial);
    this.#kept[this.#next] = denial;
    this.#next = (this.#next + 1) % DENIAL_LIMITS.maxKept;
  }

  forget(): void {
    this.#kept.length = 0;
    this.#next = 0;
    this.#dropped = 0;
    this.#observed.clear();
  }

  /** So many were not looked at: there were too many. */
  drop(count: number): void {
    this.#dropped += count;
  }

  /** Those with the reference, or whose reference begins so where none has it; all for ''. The newest first. */
  find(id: string, nowMs: number): DenialsReport {
    const newest = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)].reverse();
    const exact = newest.filter((one) => one.id === id);
    const found =
      id === '' ? newest : exact.length > 0 || id.length < MIN_PREFIX ? exact : startingWith(newest, id);
    return {
      nowMs,
      kept: newest.length,
      dropped: this.#dropped,
      denials: found.slice(0, DENIAL_LIMITS.maxListed),
      observed: [...this.#observed.values()]
        .sort((a, b) => b.count - a.count)
        .slice(0, DENIAL_LIMITS.maxListed),
    };
  }

  /** For a caller that comes new where there are too many, the one that was counted last the longest ago goes. */
  #count({ policy, caller, workload, atMs }: DenialReport): void {
    if (policy === undefined) return;
    const { kind, namespace, name } = policy;
    const who = caller.principal === '' ? caller.address : caller.principal;
    const key = JSON.stringify([kind, namespace, name, who, workload]);
    const count = (this.#observed.get(key)?.count ?? 0) + 1;
    this.#observed.delete(key);
    this.#observed.set(key, {
      policy: { kind, namespace, name },
      caller: who,
      workload,
      count,
      lastAtMs: atMs,
    });
    if (this.#observed.size > DENIAL_LIMITS.maxObserved)
      this.#observed.delete(this.#observed.keys().next().value!);
  }
}

/** A shorter beginning of a reference names too much. */
const MIN_PREFIX = 6;

function startingWith(denials: readonly DenialReport[], start: string): readonly DenialReport[] {
  const found = denials.filter(({ id }) => id.startsWith(start));
  return new Set(found.map(({ id }) => id)).size === 1 ? found : [];
}

/** How many denials of one proxy are looked at: so many each second, and a burst. */
export class Allowance {
  #left: number = DENIAL_LIMITS.burst;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#atMs) / 1000) * DENIAL_LIMITS.perSecond;
    this.#left = Math.min(DENIAL_LIMITS.burst, this.#left + Math.max(0, earned));
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
