import { checkDuration, checkDurationSyntax } from '../../check/duration.ts';
import type { Report } from '../../report.ts';
import { bool, double, duration, type Infer, list, message, oneOf, text, uint64 } from '../../schema.ts';
import { checkAtMostOne } from './exclusive.ts';
import { checkLocalityLb, checkZoneAwareLb, localityLb, zoneAwareLb } from './locality.ts';

const httpCookie = message(
  { name: text },
  { path: text, ttl: duration, attributes: list(message({ name: text }, { value: text })) },
);

const consistentHash = message(
  {},
  {
    httpHeaderName: text,
    httpCookie,
    useSourceIp: bool,
    httpQueryParameterName: text,
    ringHash: message({}, { minimumRingSize: uint64 }),
    maglev: message({}, { tableSize: uint64 }),
    minimumRingSize: uint64,
  },
);
type ConsistentHash = Infer<typeof consistentHash>;

/** How an endpoint is chosen. */
export const loadBalancer = message(
  {},
  {
    simple: oneOf('UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'),
    consistentHash,
    localityLbSetting: localityLb,
    zoneAwareLbSetting: zoneAwareLb,
    warmupDurationSecs: duration,
    warmup: message({}, { duration, minimumPercent: double, aggression: double }),
  },
);
export type LoadBalancer = Infer<typeof loadBalancer>;

/** Envoy's largest Maglev table. */
const MAX_MAGLEV_TABLE = 5_000_011;

/** `ejects`: whether outlier detection is configured beside it. */
export function checkLoadBalancer(lb: LoadBalancer | undefined, ejects: boolean, report: Report): void {
  if (lb === undefined) return;
  checkAtMostOne(lb, ['simple', 'consistentHash'], report);
  checkAtMostOne(lb, ['localityLbSetting', 'zoneAwareLbSetting'], report);
  if (lb.consistentHash !== undefined) checkConsistentHash(lb.consistentHash, report.at('consistentHash'));
  checkLocalityLb(lb.localityLbSetting, ejects, report.at('localityLbSetting'));
  checkZoneAwareLb(lb.zoneAwareLbSetting, ejects, report.at('zoneAwareLbSetting'));
  checkDurationSyntax(lb.warmupDurationSecs, report, 'warmupDurationSecs');
  checkWarmup(lb, report.at('warmup'));
}

function checkConsistentHash(hash: ConsistentHash, report: Report): void {
  checkAtMostOne(hash, ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'], report);
  checkAtMostOne(hash, ['ringHash', 'maglev'], report);
  if (hash.httpCookie !== undefined) checkCookie(hash.httpCookie, report.at('httpCookie'));
  if ((hash.minimumRingSize ?? 0) !== 0) {
    report.warn('minimumRingSize', 'minimumRingSize is old here; use ringHash.minimumRingSize');
    if (hash.ringHash !== undefined || hash.maglev !== undefined)
      report.error('minimumRingSize', 'minimumRingSize cannot be combined with ringHash or maglev');
  }
  const problem = hash.maglev === undefined ? undefined : tableSizeProblem(hash.maglev.tableSize ?? 0);
  if (problem !== undefined) report.error(['maglev', 'tableSize'], problem);
}

function checkCookie(cookie: NonNullable<ConsistentHash['httpCookie']>, report: Report): void {
  checkDurationSyntax(cookie.ttl, report, 'ttl');
  if (cookie.name === '') report.error('name', 'the name of the cookie is missing');
  const seen = new Set<string>();
  for (const [i, { name }] of (cookie.attributes ?? []).entries()) {
    if (name === '') report.error(['attributes', i, 'name'], 'the name of the attribute is missing');
    else if (seen.has(name)) report.error(['attributes', i, 'name'], `"${name}" is already in this list`);
    seen.add(name);
  }
}

function tableSizeProblem(size: number): string | undefined {
  if (size === 0) return 'tableSize is required: a prime number such as 65537';
  if (size >= MAX_MAGLEV_TABLE) return `${size} is too large; tableSize must be below ${MAX_MAGLEV_TABLE}`;
  return isPrime(size) ? undefined : `${size} is not a prime number; tableSize must be one, such as 65537`;
}

function isPrime(number: number): boolean {
  if (number < 4) return number > 0;
  if (number % 2 === 0) return false;
  for (let factor = 3; factor * factor <= number; factor += 2) if (number % factor === 0) return false;
  return true;
}

function checkWarmup(lb: LoadBalancer, report: Report): void {
  const warmup = lb.warmup;
  if (warmup === undefined) return;
  if (warmup.duration === undefined) report.error('duration', 'duration is required here');
  checkDuration(warmup.duration, report, 'duration');
  if ((warmup.minimumPercent ?? 0) > 100) report.error('minimumPercent', 'a percentage is at most 100');
  if (warmup.aggression !== undefined && warmup.aggression <= 0)
    report.error('aggression', 'aggression must be greater than 0; 1 is a straight line');
}
