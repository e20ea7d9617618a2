// Clusters and what is behind them. In: cluster and endpoint messages (lower-*.ts make them immutable configurations
// here), outcomes of attempts. Out: an endpoint to try, a connection to try it on. Called by routers and TCP proxies;
// told of changes by configure/. Never happens: a connection that carries something is touched by a change of
// configuration; a request waits without a limit; a request is put on a connection that may be closing.
//
//   clusters.ts      all of them by name, warming first       cluster.ts    one: endpoints over changes, who may be picked
//   pick-plan.ts     priorities, localities, health -> groups balancers/    one of a group
//   endpoint-pools.ts  which pool a request takes             http-pool.ts     what pools are to requests
//   http1-pool.ts    connections of an endpoint               http1-connection.ts  one connection, one request at a time
//   http2-pool.ts    the same, many requests at once          alpn-pool.ts     whichever of the two TLS agrees on
//   health/          who passes the checks that are made      endpoint-probes.ts  how they reach an endpoint
//   outlier.ts       who fails where others do not            dns-endpoints.ts, destination-endpoints.ts  other sources

import { Deadline } from '../../lib/deadlines.ts';
import { getHeader } from '../../wire/headers.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import { Breakers } from './breaker.ts';
import { chooseSocket } from './choose-socket.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { DynamicEndpoints, type HostVerdict } from './dynamic-endpoints.ts';
import { Endpoint, type Placement } from './endpoint.ts';
import { addressText, type EndpointSet, endpointKey, NO_ENDPOINTS } from './endpoint-set.ts';
import type { ClusterSurroundings, EndpointSource } from './endpoint-source.ts';
import type { UpstreamEnvironment } from './environment.ts';
import type { HealthChecker } from './health/health-checker.ts';
import { makeChecker } from './make-checker.ts';
import { makeSource } from './make-source.ts';
import { LB_NAMESPACE } from './metadata-match.ts';
import { type Outcome, OutlierMonitor } from './outlier.ts';
import { outlierStats } from './outlier-stats.ts';
import type { PickContext } from './pick-context.ts';
import { makePickPlan } from './pick-plan.ts';
import type { PickPlan, PlanFacts } from './plan-facts.ts';
import type { PriorityHealth } from './priority-load.ts';
import type { LocalZone } from './zone-routing.ts';

/**
 * A live cluster: endpoints that outlive their configuration, a plan of who may be picked, counts. Made and owned by
 * clusters.ts; read by routers. A new plan replaces the old one whenever endpoints or their health change.
 */
export class Cluster {
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly breakers: Breakers;
  readonly #environment: UpstreamEnvironment;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #source: EndpointSource | undefined;
  readonly #dynamic: DynamicEndpoints | undefined;
  readonly #outlier: OutlierMonitor<Endpoint> | undefined;
  readonly #checker: HealthChecker<Endpoint> | undefined;
  /** Made anew by the next pick after a change. */
  #plan: PickPlan<Endpoint> | undefined;
  #set: EndpointSet = NO_ENDPOINTS;
  readonly #stale = new Deadline(() => {
    this.stats.assignment_stale++;
    this.setEndpoints(NO_ENDPOINTS);
  });
  #hasEndpoints = false;
  #zone: LocalZone | undefined;
  /** Counts changes of endpoints and their health. */
  changes = 0;
  /** Called when endpoints or their health have changed, and after each health check. */
  onMembership: () => void = () => {};
  onChecked: () => void = () => {};

  constructor(
    config: ClusterConfig,
    stats: ClusterStats,
    environment: UpstreamEnvironment,
    surroundings: ClusterSurroundings,
  ) {
    this.config = config;
    this.stats = stats;
    this.#environment = environment;
    this.breakers = new Breakers(config.limits, config.highLimits, stats, environment.clock);
    this.#outlier =
      config.outlier &&
      new OutlierMonitor(
        config.outlier,
        () => this.endpoints,
        (ejected) => {
          if (ejected !== undefined) this.#failed(ejected);
          this.#replan();
        },
        { stats: outlierStats(environment.scope), clock: environment.clock, random: environment.random },
      );
    this.#checker = makeChecker(config, stats, environment, (endpoint, changed) =>
      this.#checked(endpoint, changed),
    );
    this.#source = makeSource(config, surroundings, environment, (placement) => this.#make(placement));
    this.#dynamic = this.#source instanceof DynamicEndpoints ? this.#source : undefined;
    this.#hasEndpoints = this.#source !== undefined;
  }

  get name(): string {
    return this.config.name;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#source?.all() ?? [...this.#endpoints.values()];
  }

  /**
   * False while it waits for endpoints, secrets or the first round of health checks: routes to it are not switched on
   * before. The checks begin when the rest is there.
   */
  warmUp(): boolean {
    if (!this.#hasEndpoints) return false;
    const { tls, tlsMatches } = this.config;
    const secrets = (tls?.ready() ?? true) && tlsMatches.every((match) => match.tls?.ready() ?? true);
    if (!secrets || this.#checker === undefined) return secrets;
    this.#checker.start();
    return this.#checker.firstRoundDone;
  }

  /** The endpoint for one attempt, undefined where there is none that may be used. */
  pick(context: PickContext): Endpoint | undefined {
    if (this.#source !== undefined) return this.#source.pick(context);
    if (context.overrideHost !== undefined) {
      const { address, strict } = context.overrideHost;
      const asked = this.#endpoints.get(address);
      if (asked !== undefined && this.config.balancing.overrideHealth.has(asked.healthName)) return asked;
      if (strict) return undefined;
    }
    return this.#currentPlan().pick(context);
  }

  /** What an aggregate over this cluster goes by. */
  priorities(): readonly PriorityHealth[] {
    return this.#source === undefined ? this.#currentPlan().health : [ALWAYS_THERE];
  }

  pickAt(priority: number, degraded: boolean, context: PickContext): Endpoint | undefined {
    if (this.#source !== undefined) return this.#source.pick(context);
    return this.#currentPlan().pickAt(priority, degraded, context);
  }

  /** For a cluster whose endpoints are the hosts that requests name: makes the host of an authority pickable. */
  prepareHost(authority: string): HostVerdict | Promise<HostVerdict> {
    return this.#dynamic?.prepare(authority);
  }

  /** The proxy's fleet, where its zones matter: told by clusters.ts, anew whenever it changes. */
  setLocalZone(zone: LocalZone | undefined): void {
    this.#zone = zone;
    this.stats.lb_recalculate_zone_structures++;
    this.#replan();
  }

  /** How an attempt ended. */
  report(endpoint: Endpoint, outcome: Outcome): void {
    this.#outlier?.report(endpoint, outcome);
    // Where checks would find it well again, an answer may say that the endpoint must get nothing more.
    if (this.#checker === undefined || typeof outcome !== 'object' || outcome.headers === undefined) return;
    if (getHeader(outcome.headers, 'x-envoy-immediate-health-check-fail') !== undefined)
      this.#checker.failNow(endpoint);
  }

  /** Whether the endpoints' load is shed on purpose for this request (drop_overloads). */
  drops(): boolean {
    return this.#set.drops.some(({ perMillion }) => this.#environment.random.below(1_000_000) < perMillion);
  }

  /** Replaces the endpoints. Those that stay keep their connections; those that go finish what they carry. */
  setEndpoints(set: EndpointSet): void {
    this.#set = set;
    const { deadlines } = this.#environment;
    if (set.staleAfterMs > 0) deadlines.set(this.#stale, set.staleAfterMs);
    else deadlines.clear(this.#stale);
    this.#hasEndpoints = true;
    const before = new Set(this.#endpoints.values());
    const gone = new Map(this.#endpoints);
    this.#endpoints.clear();
    for (const locality of set.localities)
      for (const spec of locality.endpoints) {
        const key = endpointKey(spec);
        if (this.#endpoints.has(key)) continue;
        const old = gone.get(key);
        const endpoint = this.#keepOrMake({ spec, locality }, old);
        if (endpoint === old) gone.delete(key);
        this.#endpoints.set(key, endpoint);
      }
    for (const [key, endpoint] of gone)
      if (this.#mayStay(key, endpoint)) this.#endpoints.set(key, endpoint);
      else this.#drop(endpoint);
    this.#membersChanged(before);
    this.#replan();
  }

  /** Whoever stays gets new connections too, where the cluster says so (close_connections_on_host_set_change). */
  #membersChanged(before: ReadonlySet<Endpoint>): void {
    const now = [...this.#endpoints.values()];
    if (now.length === before.size && now.every((endpoint) => before.has(endpoint))) return;
    this.stats.membership_change++;
    if (!this.config.balancing.renewsOnChange) return;
    for (const endpoint of now) if (before.has(endpoint)) endpoint.renewPools();
  }

  /** An endpoint is taken for dead: idle connections to it are closed, the others when they are free. */
  #failed(endpoint: Endpoint): void {
    endpoint.renewPools();
    if (this.config.closesOnFailure) endpoint.cutCarried();
  }

  /** Another form of this cluster takes over, or it is gone: what is open goes on, what is idle closes. */
  retire(): void {
    this.#environment.deadlines.clear(this.#stale);
    this.#outlier?.stop();
    this.#checker?.stop();
    this.#source?.stop();
    for (const endpoint of this.endpoints) endpoint.drain();
  }

  #keepOrMake(placement: Placement, old: Endpoint | undefined): Endpoint {
    // Another transport socket or another workload behind the same address is another endpoint.
    const same =
      old !== undefined &&
      old.socket === chooseSocket(this.config, placement.spec) &&
      identity(old.placement) === identity(placement);
    if (!same) {
      const made = this.#make(placement);
      if (made.check.failed) this.#checker?.add(made);
      return made;
    }
    old.placement = placement;
    old.address = addressText(placement.spec.address);
    old.check.leaving = false;
    return old;
  }

  #make(placement: Placement): Endpoint {
    return new Endpoint(placement, this.config, this.stats, this.#environment);
  }

  /** An endpoint that is not named any more, but passes its checks, stays until it fails one: who names may be wrong. */
  #mayStay(key: string, endpoint: Endpoint): boolean {
    const { check, placement } = endpoint;
    if (this.#checker === undefined || this.config.ignoreHealthOnRemoval || this.#endpoints.has(key))
      return false;
    if (check.failed || placement.spec.health === 'unhealthy' || placement.spec.check?.disabled) return false;
    check.leaving = true;
    return true;
  }

  #drop(endpoint: Endpoint): void {
    this.#checker?.remove(endpoint);
    this.#outlier?.forget(endpoint);
    endpoint.drain();
  }

  #checked(endpoint: Endpoint, changed: boolean): void {
    const { check } = endpoint;
    if (changed && check.failed) this.#failed(endpoint);
    if (check.leaving && check.failed) {
      this.#endpoints.delete(endpointKey(endpoint.placement.spec));
      this.#drop(endpoint);
      this.stats.membership_change++;
    }
    const back = !check.failed && this.#outlier?.passedCheck(endpoint) === true;
    if (changed || back) this.#replan();
    this.onChecked();
  }

  #replan(): void {
    this.#plan = undefined;
    this.changes++;
    countMembers(this.#endpoints, this.stats);
    this.onMembership();
  }

  #currentPlan(): PickPlan<Endpoint> {
    this.#plan ??= makePickPlan([...this.#endpoints.values()], this.#planFacts());
    return this.#plan;
  }

  #planFacts(): PlanFacts {
    const { random, clock } = this.#environment;
    return {
      balancing: this.config.balancing,
      overprovisioningFactor: this.#set.overprovisioningFactor,
      weightedPriorityHealth: this.#set.weightedPriorityHealth,
      random,
      nowMs: () => clock.monotonicMs(),
      counts: this.stats,
      zone: this.#zone,
      activeRequests: () => this.stats.upstream_rq_active,
    };
  }
}

/** A cluster without endpoints of its own, as a part of an aggregate. */
const ALWAYS_THERE: PriorityHealth = { total: 1, healthy: 1, degraded: 0, usablePercent: 100, size: 1 };

/** What makes it the same workload: metadata, but for what only balancers read. */
function identity({ spec: { metadata } }: Placement): string {
  const { [LB_NAMESPACE]: _lb, ...others } = metadata;
  return JSON.stringify(others);
}

function countMembers(endpoints: ReadonlyMap<string, Endpoint>, stats: ClusterStats): void {
  stats.membership_total = endpoints.size;
  stats.membership_healthy = 0;
  stats.membership_degraded = 0;
  stats.membership_excluded = 0;
  for (const { health, excluded } of endpoints.values()) {
    if (excluded) stats.membership_excluded++;
    else if (health === 'healthy') stats.membership_healthy++;
    else if (health === 'degraded') stats.membership_degraded++;
  }
}
