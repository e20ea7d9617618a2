import { type Finding, UNOBSERVED } from './finding.ts';
import type { Answer, Observation } from './observation.ts';

/** Requests that shares are judged by where a test does not say how many it sends. */
const STANDARD_TIMES = 1000;
/** How far a share may be off, in standard errors of that many requests. */
const STANDARD_ERRORS = 4;

/** One finding for each workload that should get a share, and for each that gets one and should not. */
export function judgeShares(
  expected: Readonly<Record<string, number>>,
  times: number,
  { observations }: Answer,
): readonly Finding[] {
  const hidden = observations.some(({ unobserved }) => unobserved.has('shares'));
  const actual = sharesOf(expected, observations);
  const names = new Set([...Object.keys(expected), ...actual.keys()]);
  return [...names].map((name) => {
    const wanted = expected[name] ?? 0;
    const share = actual.get(name) ?? 0;
    const what = `shares.${name}`;
    if (hidden) return { what, expected: String(wanted), actual: UNOBSERVED, holds: undefined };
    const holds = Math.abs(share - wanted) <= tolerance(wanted, times > 1 ? times : STANDARD_TIMES);
    return { what, expected: String(wanted), actual: String(Number(share.toFixed(4))), holds };
  });
}

function tolerance(share: number, times: number): number {
  return STANDARD_ERRORS * Math.sqrt((share * (1 - share)) / times) + 1e-9;
}

/** Shares by the names that the test uses, else the workload's own; `nobody` gets what no workload does. */
function sharesOf(
  expected: Readonly<Record<string, number>>,
  observations: readonly Observation[],
): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const { workload, share } of observations) {
    const name = workload.find((one) => Object.hasOwn(expected, one)) ?? workload[0] ?? 'nobody';
    shares.set(name, (shares.get(name) ?? 0) + share);
  }
  return shares;
}
