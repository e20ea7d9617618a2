import { parseGoDurationMs } from '../../../lib/duration.ts';
import { specKind } from '../../kind.ts';
import type { SpecObject } from '../../object.ts';
import type { Report } from '../../report.ts';
import { type Infer, int32, list, message, text } from '../../schema.ts';
import { checkLimits } from '../shared/limits.ts';
import { EXPERIMENTAL_GROUP, gatewayDurationProblem } from '../shared/names.ts';
import { checkRefNames, localRef } from '../shared/references.ts';
import { checkSessionPersistence, sessionPersistence } from '../shared/session-persistence.ts';

const retryConstraint = message(
  {},
  {
    budget: message({}, { percent: int32, interval: text }),
    minRetryRate: message({}, { count: int32, interval: text }),
  },
);
export type RetryConstraint = Infer<typeof retryConstraint>;

const spec = message({ targetRefs: list(localRef) }, { retryConstraint, sessionPersistence });

/** Spec of an XBackendTrafficPolicy: how Services are called, whatever route leads to them. */
export type BackendTrafficPolicySpec = Infer<typeof spec>;
export type BackendTrafficPolicy = SpecObject<BackendTrafficPolicySpec>;

/** gateway.networking.x-k8s.io XBackendTrafficPolicy. */
export const backendTrafficPolicy = specKind(
  { group: EXPERIMENTAL_GROUP, kind: 'XBackendTrafficPolicy', versions: ['v1alpha1', 'v1alpha2'] },
  spec,
  (policy, report) => {
    checkTargets(policy, report);
    checkRetries(policy.retryConstraint ?? {}, report.at('retryConstraint'));
    checkSessionPersistence(policy.sessionPersistence, report.at('sessionPersistence'));
  },
);

function checkTargets({ targetRefs }: BackendTrafficPolicySpec, report: Report): void {
  if (targetRefs.length === 0)
    report.error('targetRefs', 'targetRefs is empty; name the Service this is about');
  checkLimits({ targetRefs }, ['targetRefs'], report);
  const seen = new Set<string>();
  for (const [i, { group, kind, name }] of targetRefs.entries()) {
    checkRefNames({ group, kind }, report.at('targetRefs', i));
    if (name === '') report.error(['targetRefs', i, 'name'], 'the name of the target is missing');
    const target = [group, kind, name].join(' ');
    if (seen.has(target)) report.error(['targetRefs', i], 'this target is already in the list');
    seen.add(target);
  }
}

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const MAX_COUNT = 1_000_000;

function checkRetries({ budget, minRetryRate }: RetryConstraint, report: Report): void {
  const percent = budget?.percent ?? 0;
  if (percent < 0 || percent > 100)
    report.error(['budget', 'percent'], `${percent} is not a share; write 0 to 100`);
  const count = minRetryRate?.count ?? 1;
  if (count < 1 || count > MAX_COUNT)
    report.error(['minRetryRate', 'count'], `${count} is not possible; write 1 to ${MAX_COUNT}`);
  for (const [field, interval] of [
    ['budget', budget?.interval],
    ['minRetryRate', minRetryRate?.interval],
  ] as const) {
    if (interval === undefined) continue;
    const ms = parseGoDurationMs(interval) ?? 0;
    const problem =
      gatewayDurationProblem(interval) ??
      (ms < SECOND_MS || ms > HOUR_MS ? `"${interval}" is not between 1s and 1h` : undefined);
    if (problem !== undefined) report.error([field, 'interval'], problem);
  }
}
