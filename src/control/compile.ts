import type { KindId } from '../api/kinds.ts';
import type { ObjectKey } from '../api/object.ts';
import { kindIdOf } from '../api/object.ts';
import type { Resources } from '../api/resources.ts';
import { sharedList } from '../lib/shared-list.ts';
import type { Step, StepMemo } from '../lib/steps.ts';
import type { Origin } from '../mesh/origin.ts';
import type { Labels } from '../mesh/workload.ts';
import { ON_DEMAND, ON_DEMAND_ENVOY, parseNodeId } from '../xds/names.ts';
import type {
  EmittedCluster,
  EmittedDnsTable,
  EmittedEndpoints,
  EmittedListener,
  EmittedRoutes,
  EmittedVirtualHost,
} from './emit/emitted.ts';
import type { Assignments } from './emit/endpoint/assignments.ts';
import { envoyClusters } from './emit/on-demand/envoy-clusters.ts';
import { envoyListenerParts, envoyListeners } from './emit/on-demand/envoy-listeners.ts';
import { envoyRoutes, envoyVirtualHost } from './emit/on-demand/envoy-routes.ts';
import {
  clusterOnDemand,
  demandKey,
  dnsTableOnDemand,
  endpointsOnDemand,
  listenerOnDemand,
  routesOnDemand,
  virtualHostOnDemand,
} from './emit/on-demand/named.ts';
import { standingListeners, standingProxyClusters } from './emit/on-demand/standing.ts';
import { failedPatches } from './emit/patch/failures.ts';
import {
  namedKey,
  type Parts,
  proxyAssignments,
  proxyClusterParts,
  proxyClusters,
  proxyListenerParts,
  proxyListeners,
  proxyRouteNames,
  proxyRoutes,
} from './emit/proxy-resources.ts';
import { HealingMemo } from './healing-memo.ts';
import type { Quarantined } from './quarantine.ts';
import { allPatches } from './resolve/envoy-filters.ts';
import { findings } from './resolve/findings.ts';
import { gatewaySecrets } from './resolve/gateway-api/gateway-secrets.ts';
import type { GatewayApiStatus } from './resolve/gateway-api/status.ts';
import { gatewayApiStatuses } from './resolve/gateway-api/statuses.ts';
import { proxyKey } from './resolve/proxies.ts';
import type * as summaries from './resolve/summaries.ts';
import { serviceSummaries, workloadSummaries } from './resolve/summaries.ts';
import { workloadNamed } from './resolve/workloads.ts';
import { keyOf, type Read, type World, type WorldSettings } from './resolve/world.ts';

// Joins resolve and emit: the resources of the store -> what each proxy gets. Called by control/main.ts after each
// change of the store, by control/serve for each proxy, and by `weft dump`.

/** For the status page: one thing that runs. */
export type WorkloadSummary = summaries.WorkloadSummary;

/** For the status page: one thing that can be called. */
export type ServiceSummary = summaries.ServiceSummary;

/** What the control plane was started with, as far as it matters to what proxies get. */
export interface CompileSettings extends WorldSettings {}

/** The proxy that asks: what its xDS node says. */
export interface ProxyNode {
  /** `TYPE~IP~NAME.NAMESPACE~DOMAIN`, TYPE `sidecar` or `router`; NAME is the Pod's, the WorkloadEntry's or a workload's. */
  readonly id: string;
  /** The node's metadata as sent: LABELS, NAMESPACE, WORKLOAD_NAME and the like. Known Pods need none. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What one proxy gets. Answers are cheap when asked again; every result is in order of name. */
export interface ProxyView {
  /** Those of the names that exist; where undefined all listeners, of a proxy on demand those it cannot do without. */
  listeners(names?: readonly string[]): readonly EmittedListener[];
  /** As `listeners`. */
  clusters(names?: readonly string[]): readonly EmittedCluster[];
  /** All in two lists, no name in both: what many proxies share (for all of them the same list), and its own. */
  listenerParts(): Parts<EmittedListener>;
  clusterParts(): Parts<EmittedCluster>;
  /** The route configurations among `names` that exist for this proxy; all that its listeners name where undefined. */
  routes(names?: Iterable<string>): readonly EmittedRoutes[];
  /**
   * The load assignments among `names` that exist for this proxy; those of all its EDS clusters where undefined. A set must
   * never change: proxies that share one, and the configuration, get the same list.
   */
  endpoints(names?: readonly string[] | ReadonlySet<string>): readonly EmittedEndpoints[];
  /** Of a proxy on demand: what answers for hosts, by `ROUTES/HOST`; none for others. */
  virtualHosts(names: readonly string[]): readonly EmittedVirtualHost[];
  /** Of a proxy on demand: addresses of names; none for others. */
  dnsTables(names: readonly string[]): readonly EmittedDnsTable[];
}

/** Something odd between objects that are each valid: a reference to nothing, a rule that can never match. */
export interface CompileFinding {
  readonly key: ObjectKey;
  /** `spec.http[0].route[1].destination.subset`; '' for the object as a whole. */
  readonly field: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  /** The object cannot be compiled: `stale` where its last good version counts, `invalid` where it is left out. */
  readonly state?: 'stale' | 'invalid';
}

/** What all proxies get, worked out as far as someone asks. */
export interface Compiled {
  /** Revision of the resources this was made from. */
  readonly revision: number;
  /** Undefined where the node's id is malformed. A proxy whose Pod is not known yet gets what its id and metadata tell. */
  forProxy(node: ProxyNode): ProxyView | undefined;
  findings(): readonly CompileFinding[];
  workloads(): readonly WorkloadSummary[];
  /** What a proxy of this name is taken for, as `forProxy` does; undefined where nothing is known of it. */
  workload(namespace: string, name: string): { readonly serviceAccount: string } | undefined;
  services(): readonly ServiceSummary[];
  /** Status of each object of the Kubernetes Gateway API that is weft's to judge. */
  gatewayApiStatuses(): readonly GatewayApiStatus[];
  /** Names of secrets that proxies of a namespace may have because they open a Gateway's listeners. */
  gatewaySecrets(namespace: string): ReadonlySet<string>;
  /** File and line of what made a resource; undefined once the object is gone. */
  locate(origin: Origin): { readonly file: string; readonly line: number } | undefined;
}

/**
 * Compiles the resources. Nothing is worked out before it is asked for. With `previous`, whatever did not change is
 * taken over and keeps its identity (`===`), which is how serve knows what to send; `previous` is used up by that and
 * must not be asked any more. An object on which the compiler fails is taken out alone, when that shows: what was the last
 * good version counts in its place, `onTrouble` is told, since others may have been given something of it already, and a
 * finding says so.
 */
export function compile(
  resources: Resources,
  settings: CompileSettings,
  previous?: Compiled,
  onTrouble: (message: string) => void = () => {},
): Compiled {
  const world = { resources, settings };
  const memo = previous === undefined ? undefined : memos.get(previous);
  memo?.advance(resources, settings);
  return compiled(world, memo ?? new HealingMemo(world), onTrouble);
}

/** The memo behind each result, for the next one to take over. */
const memos = new WeakMap<Compiled, HealingMemo>();

/** The mesh model that it was made from, with what was worked out for it. As long-lived as the result itself. */
export function readOf(result: Compiled): Read {
  const ask = askers.get(result);
  if (ask === undefined) throw new Error('nothing was compiled to this');
  return {
    of: (step, key) => ask((memo) => memo.of(step, key)),
    fact: (fact, key) => ask((memo) => memo.fact(fact, key)),
  };
}

const askers = new WeakMap<Compiled, Ask>();

/** Asks the memo; how everything here does. */
type Ask = <T>(of: (memo: StepMemo<World>) => T) => T;

function compiled(world: World, memo: HealingMemo, onTrouble: (message: string) => void): Compiled {
  const ask: Ask = (of) => {
    const before = memo.quarantine;
    const answer = memo.answer(of);
    for (const [key, { instead, message }] of memo.quarantine) {
      if (before.has(key) && before.get(key)?.instead === instead) continue;
      const effect = instead === undefined ? 'is left out' : 'counts as it was before';
      onTrouble(`${key} cannot be compiled and ${effect}: ${message}`);
    }
    return answer;
  };
  const result: Compiled = {
    revision: world.resources.revision,
    forProxy: (node) => proxyView(ask, node),
    findings() {
      const all = ask((read) => [...read.of(findings, ''), ...failedPatches(read.of(allPatches, ''))]);
      const found = all.map((finding) => located(world.resources, finding));
      return [...[...memo.quarantine.values()].map((one) => troubleWith(world.resources, one)), ...found];
    },
    workloads: () => ask((read) => read.of(workloadSummaries, '')),
    workload: (namespace, name) => ask((read) => read.of(workloadNamed, keyOf(namespace, name))),
    services: () => ask((read) => read.of(serviceSummaries, '')),
    gatewayApiStatuses: () => ask((read) => read.of(gatewayApiStatuses, '')),
    gatewaySecrets: (namespace) => ask((read) => read.of(gatewaySecrets, namespace)),
    locate: (origin) => locate(world.resources, origin),
  };
  memos.set(result, memo);
  askers.set(result, ask);
  return result;
}

function troubleWith(resources: Resources, { bad, instead, message }: Quarantined): CompileFinding {
  const { group, kind, namespace, name } = bad.key;
  const effect = instead === undefined ? 'it is left out' : 'its last good version stays';
  const text = `cannot be compiled, and ${effect}: ${message}`;
  const finding = located(resources, {
    origin: { group, kind, namespace, name },
    field: '',
    message: text,
  });
  return { ...finding, state: instead === undefined ? 'invalid' : 'stale' };
}

/** What the compiler knows a proxy by. */
interface KnownNode {
  readonly key: string;
  /** What it says of ON_DEMAND. */
  readonly onDemand: unknown;
}

/** Who asks, asks again after every change, with the same object. */
const knownNodes = new WeakMap<ProxyNode, KnownNode>();

function knownNode(node: ProxyNode): KnownNode | undefined {
  const known = knownNodes.get(node);
  if (known !== undefined) return known;
  const id = parseNodeId(node.id);
  if (id === undefined) return undefined;
  const { type, ip, name, namespace } = id;
  const key = proxyKey({ type, ip, name, namespace, labels: labelsOf(node) });
  const made = { key, onDemand: type === 'sidecar' ? node.metadata?.[ON_DEMAND] : undefined };
  knownNodes.set(node, made);
  return made;
}

function proxyView(ask: Ask, node: ProxyNode): ProxyView | undefined {
  const known = knownNode(node);
  if (known === undefined) return undefined;
  const { key, onDemand } = known;
  if (onDemand === 'true') return viewOnDemand(ask, key);
  if (onDemand === ON_DEMAND_ENVOY) return envoyViewOnDemand(ask, key);
  const all = <T extends object>(step: Step<World, T | undefined>, names: Iterable<string>): readonly T[] =>
    sharedList(found(ask, step, names, (name) => namedKey(key, name)));
  return {
    listeners: (names) =>
      named(
        ask((memo) => memo.of(proxyListeners, key)),
        names,
      ),
    clusters: (names) =>
      named(
        ask((memo) => memo.of(proxyClusters, key)),
        names,
      ),
    listenerParts: () => ask((memo) => memo.of(proxyListenerParts, key)),
    clusterParts: () => ask((memo) => memo.of(proxyClusterParts, key)),
    routes: (names) => all(proxyRoutes, names ?? ask((memo) => memo.of(proxyRouteNames, key))),
    endpoints: (names) =>
      chosen(
        ask((memo) => memo.of(proxyAssignments, key)),
        names,
      ),
    virtualHosts: () => [],
    dnsTables: () => [],
  };
}

/** What a step has under these names, in their order; what is not there is left out. */
function found<T>(
  ask: Ask,
  step: Step<World, T | undefined>,
  names: Iterable<string>,
  keyOfName: (name: string) => string,
): T[] {
  return [...names]
    .sort()
    .map((name) => ask((memo) => memo.of(step, keyOfName(name))))
    .filter((value) => value !== undefined);
}

function named<T extends { readonly name: string }>(
  list: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  if (names === undefined) return list;
  const wanted = new Set(names);
  return list.filter(({ name }) => wanted.has(name));
}

/** What a proxy gets that asks for each thing by name (emit/on-demand). Nothing that it did not ask for is worked out. */
function viewOnDemand(ask: Ask, key: string): ProxyView {
  const each = <T>(step: Step<World, T | undefined>, names: Iterable<string>): T[] =>
    found(ask, step, names, (name) => demandKey(key, name));
  const also = <T extends { readonly name: string }>(
    standing: readonly T[],
    step: Step<World, T | undefined>,
    names: readonly string[],
  ): readonly T[] => {
    const own = named(standing, names);
    const held = new Set(own.map(({ name }) => name));
    return [
      ...own,
      ...each(
        step,
        names.filter((name) => !held.has(name)),
      ),
    ];
  };
  return {
    listeners(names) {
      const standing = ask((memo) => memo.of(standingListeners, key));
      return names === undefined ? standing : also(standing, listenerOnDemand, names);
    },
    clusters(names) {
      const standing = ask((memo) => memo.of(standingProxyClusters, key));
      return names === undefined ? standing : also(standing, clusterOnDemand, names);
    },
    listenerParts: () => ({ shared: [], own: ask((memo) => memo.of(standingListeners, key)) }),
    clusterParts: () => ({ shared: [], own: ask((memo) => memo.of(standingProxyClusters, key)) }),
    routes: (names) => each(routesOnDemand, names ?? []),
    endpoints: (names) => each(endpointsOnDemand, names ?? []),
    virtualHosts: (names) => each(virtualHostOnDemand, names),
    dnsTables: (names) => each(dnsTableOnDemand, names),
  };
}

/** What an Envoy gets that asks for virtual hosts and clusters by name; all else it gets whole. */
function envoyViewOnDemand(ask: Ask, key: string): ProxyView {
  const own = viewOnDemand(ask, key);
  const each = <T>(step: Step<World, T | undefined>, names: Iterable<string>): T[] =>
    found(ask, step, names, (name) => demandKey(key, name));
  const listeners = () => ask((memo) => memo.of(envoyListeners, key));
  const clusters = () => ask((memo) => memo.of(envoyClusters, key));
  return {
    ...own,
    listeners: (names) => named(listeners(), names),
    clusters: (names) => (names === undefined ? clusters() : own.clusters(names)),
    listenerParts: () => ask((memo) => memo.of(envoyListenerParts, key)),
    clusterParts: () => ({ shared: [], own: clusters() }),
    routes: (names) => each(envoyRoutes, names ?? []),
    virtualHosts: (names) => each(envoyVirtualHost, names),
    dnsTables: () => [],
  };
}

/** All of them, or those of these names that are there, in order of name. */
function chosen(
  all: Assignments,
  names: readonly string[] | ReadonlySet<string> | undefined,
): readonly EmittedEndpoints[] {
  if (names === undefined) return all.list;
  if (Array.isArray(names)) return pick(all, names);
  const key = names as ReadonlySet<string>;
  const bySet = chosenBefore.get(all) ?? new WeakMap<ReadonlySet<string>, readonly EmittedEndpoints[]>();
  chosenBefore.set(all, bySet);
  const known = bySet.get(key) ?? pick(all, key);
  bySet.set(key, known);
  return known;
}

/** Thousands of names, and all proxies of a kind ask for the same: worked out once. */
const chosenBefore = new WeakMap<Assignments, WeakMap<ReadonlySet<string>, readonly EmittedEndpoints[]>>();

function pick({ byName }: Assignments, names: Iterable<string>): readonly EmittedEndpoints[] {
  return [...names]
    .sort()
    .map((name) => byName.get(name))
    .filter((assignment) => assignment !== undefined);
}

/** Labels as Istio's agents send them. */
function labelsOf(node: ProxyNode): Labels {
  const labels = node.metadata?.['LABELS'];
  if (typeof labels !== 'object' || labels === null) return {};
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => typeof value === 'string'));
}

function located(
  resources: Resources,
  { origin, field, message }: { readonly origin: Origin; readonly field: string; readonly message: string },
): CompileFinding {
  const { group, kind, namespace, name } = origin;
  const place = locate(resources, field === '' ? { group, kind, namespace, name } : { ...origin, field });
  return {
    key: { group, kind, namespace, name },
    field,
    message,
    file: place?.file ?? '',
    line: place?.line ?? 0,
  };
}

function locate(
  resources: Resources,
  origin: Origin,
): { readonly file: string; readonly line: number } | undefined {
  const resource = resources.get(kindIdOf(origin) as KindId, origin.namespace, origin.name);
  if (resource === undefined) return undefined;
  const { provenance } = resource;
  return {
    file: provenance.file,
    line: origin.field === undefined ? provenance.line : provenance.lineOf(origin.field),
  };
}
