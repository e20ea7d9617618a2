import type { Report } from '../../report.ts';
import { bool, type Infer, list, mapOf, message, text, texts, uint32 } from '../../schema.ts';

const failover = message({}, { from: text, to: text });

/** Which localities get the requests of which: shares, or an order for when all is lost. */
export const localityLb = message(
  {},
  {
    distribute: list(message({}, { from: text, to: mapOf(uint32) })),
    failover: list(failover),
    failoverPriority: texts,
    enabled: bool,
  },
);
export type LocalityLb = Infer<typeof localityLb>;

/** Balancing that fills the zones by their sizes; regions are ordered by `failover`. */
export const zoneAwareLb = message(
  {},
  { enabled: bool, failover: list(failover), failoverPriority: texts, minClusterSize: uint32 },
);
export type ZoneAwareLb = Infer<typeof zoneAwareLb>;

const TOPOLOGY_LABELS: ReadonlySet<string> = new Set([
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
]);

/** `ejects`: whether outlier detection, without which nothing is ever failed over, is configured. */
export function checkLocalityLb(lb: LocalityLb | undefined, ejects: boolean, report: Report): void {
  if (lb === undefined) return;
  const fails = (lb.failover ?? []).length > 0;
  if (fails && (lb.distribute ?? []).length > 0) {
    report.error('failover', 'failover cannot be combined with distribute; keep one of the two');
    return;
  }
  const topology = (lb.failoverPriority ?? []).findIndex((label) => TOPOLOGY_LABELS.has(label));
  if (fails && topology >= 0)
    report.error(
      ['failoverPriority', topology],
      'failover already orders regions; leave the topology labels out here',
    );
  checkDistribute(lb, report);
  checkFailover(lb, ejects, report);
}

/** Like {@link checkLocalityLb}; regions, zones and subzones need no priorities here. */
export function checkZoneAwareLb(lb: ZoneAwareLb | undefined, ejects: boolean, report: Report): void {
  if (lb === undefined) return;
  for (const [i, label] of (lb.failoverPriority ?? []).entries())
    if (TOPOLOGY_LABELS.has(label))
      report.error(
        ['failoverPriority', i],
        `zone-aware balancing orders by ${label} by itself; leave it out`,
      );
  checkFailover(lb, ejects, report);
}

function checkDistribute(lb: LocalityLb, report: Report): void {
  const entries = lb.distribute ?? [];
  checkOverlaps(
    entries.map((entry) => entry.from ?? ''),
    (i) => report.at('distribute', i, 'from'),
  );
  for (const [i, entry] of entries.entries()) {
    const to = Object.entries(entry.to ?? {});
    const at = report.at('distribute', i);
    for (const [locality, share] of to)
      if (share < 1 || share > 100) at.error(['to', locality], `${share} is not a share; write 1 to 100`);
    const total = to.reduce((sum, [, share]) => sum + share, 0);
    if (total !== 100) at.error('to', `the shares add up to ${total}; they must add up to 100`);
    checkOverlaps(
      to.map(([locality]) => locality),
      (j) => at.at('to', to[j]?.[0] ?? ''),
    );
  }
}

/** Localities are `region`, `region/zone` or `region/zone/subzone`, `*` at the end; none may be part of another. */
function checkOverlaps(localities: readonly string[], at: (index: number) => Report): void {
  for (const [i, locality] of localities.entries()) {
    const problem = localityProblem(locality);
    const earlier = localities.slice(0, i).find((other) => overlaps(other, locality));
    if (problem !== undefined) at(i).error([], problem);
    else if (earlier !== undefined)
      at(i).error([], `"${locality}" overlaps with "${earlier}"; name each place once`);
  }
}

function localityProblem(locality: string): string | undefined {
  const star = locality.indexOf('*');
  if (star >= 0 && star !== locality.length - 1)
    return `"${locality}" has "*" in the wrong place; it may only stand at the end`;
  if (locality.split('/', 3).some((part) => part === ''))
    return `"${locality}" has an empty part; write region, region/zone or region/zone/subzone`;
  return undefined;
}

/** A place that ends in `*` may come after parts of itself: it means the rest. */
function overlaps(earlier: string, later: string): boolean {
  return contains(earlier, later) || (!later.endsWith('*') && contains(later, earlier));
}

function contains(outer: string, inner: string): boolean {
  if (outer === '*') return true;
  const parts = outer.split('/');
  if (parts[parts.length - 1] === '*') parts.pop();
  const innerParts = inner.split('/');
  return parts.every((part, i) => innerParts[i] === part);
}

function checkFailover(lb: LocalityLb | ZoneAwareLb, ejects: boolean, report: Report): void {
  const used = (lb.failover ?? []).length > 0 || (lb.failoverPriority ?? []).length > 0;
  if (used && !ejects)
    report.warn(
      [],
      'failover needs to know which endpoints fail; add outlierDetection to this traffic policy',
    );
  for (const [i, { from = '', to = '' }] of (lb.failover ?? []).entries()) {
    const at = report.at('failover', i);
    if (from === to) at.error('to', `"${to}" fails over to itself; name another region`);
    if (from.includes('/') || to.includes('/')) at.error([], 'failover is between regions; leave zones out');
    if (from.includes('*') || to.includes('*'))
      at.error([], '"*" is not possible in failover; name the regions');
  }
}
