import { durationMs } from '../../../api/check/duration.ts';
import type {
  BackendTrafficPolicy,
  RetryConstraint,
} from '../../../api/gateway/experimental/backend-traffic-policy.ts';
import type { Resource } from '../../../api/resources.ts';
import type { Origin } from '../../../mesh/origin.ts';
import { compareAge } from '../../../mesh/service.ts';
import type { Session } from '../../../mesh/session.ts';
import type { RetryBudget } from '../../../mesh/traffic-policy.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { serviceEntry } from '../service-entries.ts';
import { ageOf, keyOf, listOf, originOf, type Read, step } from '../world.ts';
import { type Condition, isFalse, isTrue } from './conditions.ts';
import { sessionOf } from './sessions.ts';

// XBackendTrafficPolicies: sessions and limits of retries of a Service, whatever route leads to it. What a route says of
// sessions counts before it, and what a DestinationRule says of retries.

/** A policy and what became of it. */
export interface BackendTraffic {
  readonly resource: Resource<BackendTrafficPolicy>;
  readonly conditions: readonly Condition[];
  /** Hostnames of services for which it holds. */
  readonly hosts: readonly string[];
}

/** All of them, the oldest first: of several for one Service the oldest counts. */
export const backendTrafficPolicies = step('backend traffic policies', (read): readonly BackendTraffic[] => {
  const taken = new Set<string>();
  return [...listOf(read, 'gateway.networking.x-k8s.io/XBackendTrafficPolicy')]
    .sort((a, b) => compareAge(ageOf(a), ageOf(b)))
    .map((resource) => judged(read, resource, taken));
});

function judged(read: Read, resource: Resource<BackendTrafficPolicy>, taken: Set<string>): BackendTraffic {
  const hosts: string[] = [];
  let problem: Condition | undefined;
  for (const { group, kind, name } of resource.object.spec.targetRefs) {
    const found = hostsOf(read, `${group}/${kind}`, keyOf(resource.key.namespace, name));
    if (found.length === 0) problem ??= isFalse('Accepted', 'TargetNotFound', `there is no ${kind} ${name}`);
    const free = found.filter((host) => !taken.has(host));
    if (free.length < found.length)
      problem ??= isFalse('Accepted', 'Conflicted', `an older policy is about ${kind} ${name}`);
    for (const host of free) taken.add(host);
    hosts.push(...free);
  }
  return { resource, hosts, conditions: [problem ?? isTrue('Accepted', 'Accepted')] };
}

function hostsOf(read: Read, id: string, key: string): readonly string[] {
  if (id === '/Service') return [read.of(kubernetesService, key).value?.hostname ?? []].flat();
  if (id !== 'networking.istio.io/ServiceEntry') return [];
  return (read.of(serviceEntry, key).value ?? []).map(({ hostname }) => hostname);
}

/** Sessions that services ask for, by hostname. Their cookies go with every path: many rules may lead there. */
export const sessionsOfBackends = step('sessions of backends', (read): ReadonlyMap<string, Session> => {
  const sessions = new Map<string, Session>();
  for (const { resource, hosts } of read.of(backendTrafficPolicies, '')) {
    const { sessionPersistence: spec } = resource.object.spec;
    const { namespace, name } = resource.key;
    if (spec === undefined) continue;
    for (const host of hosts) sessions.set(host, sessionOf(spec, { namespace, name, section: host }, ''));
  }
  return sessions;
});

/** Limits of retries, and who set them. */
export interface BackendBudget {
  readonly retryBudget: RetryBudget;
  readonly origin: Origin;
}

/** By hostname. */
export const retryBudgetsOfBackends = step(
  'retry budgets of backends',
  (read): ReadonlyMap<string, BackendBudget> => {
    const budgets = new Map<string, BackendBudget>();
    for (const { resource, hosts } of read.of(backendTrafficPolicies, '')) {
      const { retryConstraint: spec } = resource.object.spec;
      const origin = originOf(resource, 'spec.retryConstraint');
      if (spec === undefined) continue;
      for (const host of hosts) budgets.set(host, { retryBudget: retryBudget(spec), origin });
    }
    return budgets;
  },
);

/** The API's defaults. A rate of retries becomes so many at a time, as proxies count them (and as in Istio). */
function retryBudget({ budget = {}, minRetryRate = {} }: RetryConstraint): RetryBudget {
  const { percent = 20, interval = '10s' } = budget;
  return { percent, minRetryConcurrency: minRetryRate.count ?? 10, intervalMs: durationMs(interval) };
}
