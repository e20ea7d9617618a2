import type { DestinationShare, Explanation, Outcome } from './explanation.ts';
import { headerOf } from './http/request.ts';
import type { Journey } from './journeys.ts';

/** All ways that a call can go as one answer: that of the likeliest outcome, with the shares of all of them. */
export function summary(journeys: readonly Journey[]): Explanation {
  const main = mainOf(journeys);
  const { ending, trace } = main;
  const [hop] = trace.hops;
  return {
    outcome: ending.outcome,
    status: ending.response?.status ?? 0,
    listener: hop?.listener ?? '',
    filterChain: hop?.filterChain ?? '',
    virtualHost: hop?.virtualHost ?? '',
    route: hop?.route ?? '',
    cluster: hop?.cluster ?? '',
    destinations: destinations(journeys),
    tls: ending.tls,
    request: requestOf(main),
    timeoutMs: hop?.timeoutMs ?? 0,
    retries: hop?.retries ?? {},
    policies: trace.policies,
    steps: trace.steps.map(({ what, because, instead }) => ({ what, because, instead })),
  };
}

/** The likeliest way of the likeliest outcome; where two are alike, what gets through. */
export function mainOf(journeys: readonly Journey[]): Journey {
  const byOutcome = new Map<Outcome, number>();
  for (const { ending, probability } of journeys)
    byOutcome.set(ending.outcome, (byOutcome.get(ending.outcome) ?? 0) + probability);
  const rank = ({ ending, probability }: Journey): number =>
    (byOutcome.get(ending.outcome) ?? 0) * 1000 + (ending.outcome === 'forward' ? 1 : 0) + probability / 10;
  const [first, ...others] = journeys;
  if (first === undefined) throw new Error('a call goes at least one way');
  return others.reduce((best, journey) => (rank(journey) > rank(best) + EPSILON ? journey : best), first);
}

const EPSILON = 1e-9;

/** Where shares of such calls end, or are turned away, by the cluster of the first proxy. */
function destinations(journeys: readonly Journey[]): readonly DestinationShare[] {
  const byCluster = new Map<string, { share: number; workloads: Set<string> }>();
  for (const { ending, trace, probability } of journeys) {
    const workload = ending.arrival?.workload ?? turnedAwayBy({ ending, trace, probability });
    if (workload === undefined) continue;
    const cluster = trace.hops[0]?.cluster ?? '';
    const entry = byCluster.get(cluster) ?? { share: 0, workloads: new Set() };
    entry.share += probability;
    entry.workloads.add(workload);
    byCluster.set(cluster, entry);
  }
  return [...byCluster].map(([cluster, { share, workloads }]) => ({
    cluster,
    share: Number(share.toFixed(9)),
    workloads: [...workloads].sort(),
  }));
}

/** The workload at whose door a call is denied or refused. */
function turnedAwayBy({ ending, trace }: Journey): string | undefined {
  if (ending.outcome !== 'deny' && ending.outcome !== 'refuse') return undefined;
  const last = trace.hops.at(-1);
  return last?.side === 'inbound' ? last.proxy : undefined;
}

function requestOf({ ending, trace }: Journey): Explanation['request'] {
  const request = ending.arrival?.request ?? trace.lastRequest;
  const { path = '', authority = '', headers = [] } = request ?? {};
  const names = [...new Set(headers.map(([name]) => name))];
  return {
    path,
    authority,
    headers: Object.fromEntries(names.map((name) => [name, headerOf(headers, name) ?? ''])),
  };
}
