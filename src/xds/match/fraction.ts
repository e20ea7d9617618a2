import type { type_v3_FractionalPercent } from '../gen/types.ts';

// Shares of requests. A share is compared with a whole number that is drawn once per request, as Envoy does, so that
// a share of 0 never and of 100 always holds.

const PER_MILLION = { HUNDRED: 10_000, TEN_THOUSAND: 100, MILLION: 1 } as const;

/** FractionalPercent in parts of a million, cut at the whole. Absent is 0. */
export function perMillion(percent: type_v3_FractionalPercent | undefined): number {
  const { numerator = 0, denominator = 'HUNDRED' } = percent ?? {};
  return Math.min(1_000_000, numerator * PER_MILLION[denominator]);
}

/** Whether a draw (a whole number below 2^32) falls into the share. */
export function isInShare(share: number, draw: number): boolean {
  return share >= 1_000_000 || draw % 1_000_000 < share;
}
