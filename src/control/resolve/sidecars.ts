import type { Sidecar } from '../../api/istio/sidecar.ts';
import type { Resource } from '../../api/resources.ts';
import { defined } from '../../lib/defined.ts';
import { hostMatches } from '../../mesh/hostname.ts';
import { isHttp, type Protocol, protocolNamed, protocolOfPort } from '../../mesh/protocol.ts';
import type { Destination } from '../../mesh/route.ts';
import { compareAge, type Service } from '../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../mesh/workload.ts';
import { meshSettings } from './mesh-settings.ts';
import { ageOf, keyOf, listOf, objectOf, partsOf, step } from './world.ts';

const KIND = 'networking.istio.io/Sidecar';

/** What a Sidecar object lets its proxies know. */
export interface SidecarScope {
  readonly namespace: string;
  readonly name: string;
  /** Hosts of each egress listener. */
  readonly egress: readonly (readonly EgressHost[])[];
  /** By port, for listeners that name one. */
  readonly egressPorts: ReadonlyMap<number, readonly EgressHost[]>;
  /** What is spoken on those ports, where the Sidecar says so. */
  readonly egressProtocols: ReadonlyMap<number, Protocol>;
  /** Of the listener for all other ports; undefined where there is none. */
  readonly egressRest: readonly EgressHost[] | undefined;
  /** Whether calls that the listener for all other ports is for are intercepted. */
  readonly restIntercepted: boolean;
  /** Egress listeners at an address of their own. */
  readonly binds: readonly EgressBind[];
  readonly outbound: 'allow-any' | 'registry-only' | undefined;
  /** Where calls to unknown destinations are sent. */
  readonly egressProxy?: Destination;
}

/** Where an application calls a port of services by an address of this machine, beside or instead of interception. */
export interface EgressBind {
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** The application connects to it itself: nothing is intercepted. */
  readonly socket: boolean;
}

/** Hosts of services in a namespace: `*` for all, the proxy's own written out. */
export interface EgressHost {
  readonly namespace: string;
  readonly host: string;
  /** Taken out of what the other hosts of the listener let in. */
  readonly excluded: boolean;
}

/** Key of {@link sidecarOf}: the workload's namespace and labels. */
export function sidecarOfKey(namespace: string, labels: Labels): string {
  return keyOf(namespace, JSON.stringify(labels));
}

/** The Sidecar that holds for a workload: one that selects it, else its namespace's, else the root namespace's. */
export const sidecarOf = step(
  'sidecar of a workload',
  (read, key): { namespace: string; name: string } | undefined => {
    const [namespace = '', text = '{}'] = partsOf(key);
    const labels = JSON.parse(text) as Labels;
    const { rootNamespace } = read.of(meshSettings, '');
    const all = listOf(read, KIND);
    const ofNamespace = [...all.filter((sidecar) => sidecar.key.namespace === namespace)].sort((a, b) =>
      compareAge(ageOf(a), ageOf(b)),
    );
    const found =
      ofNamespace.find((sidecar) => selects(sidecar, labels)) ??
      ofNamespace.find((sidecar) => selectorOf(sidecar) === undefined) ??
      all.find((sidecar) => sidecar.key.namespace === rootNamespace && selectorOf(sidecar) === undefined);
    return found === undefined ? undefined : { namespace: found.key.namespace, name: found.key.name };
  },
);

function selectorOf(sidecar: Resource<Sidecar>): Labels | undefined {
  const labels = sidecar.object.spec.workloadSelector?.labels ?? {};
  return Object.keys(labels).length === 0 ? undefined : labels;
}

function selects(sidecar: Resource<Sidecar>, labels: Labels): boolean {
  const selector = selectorOf(sidecar);
  return selector !== undefined && matchesLabels(selector, labels);
}

/** The scope of a Sidecar object (`NAMESPACE/NAME`) for proxies of a namespace; undefined where there is none. */
export const sidecarScope = step('sidecar scope', (read, key): SidecarScope | undefined => {
  const [sidecar = '', proxyNamespace = ''] = partsOf(key);
  const [namespace = '', name = ''] = sidecar.split('/');
  const resource = sidecar === '' ? undefined : objectOf(read, KIND, namespace, name);
  if (resource === undefined) return undefined;
  const { egress, outboundTrafficPolicy } = resource.object.spec;
  const written = egress === undefined || egress.length === 0 ? [{ hosts: ['*/*'] }] : egress;
  const listeners = written.map(({ port, hosts = [] }: EgressSpec) => ({
    port: port?.number ?? 0,
    hosts: hosts.map((host) => egressHost(host, proxyNamespace)),
  }));
  const proxy = outboundTrafficPolicy?.egressProxy;
  return {
    namespace,
    name,
    egress: listeners.map(({ hosts }) => hosts),
    egressPorts: new Map(listeners.filter(({ port }) => port > 0).map(({ port, hosts }) => [port, hosts])),
    egressProtocols: new Map(written.flatMap(protocolOf)),
    egressRest: listeners.find(({ port }) => port === 0)?.hosts,
    restIntercepted: written.every(({ port, captureMode }) => port !== undefined || captureMode !== 'NONE'),
    binds: (egress ?? []).flatMap(bindOf),
    outbound: modeOf(outboundTrafficPolicy),
    ...defined({ egressProxy: proxy && proxyDestination(proxy) }),
  };
});

/** What a listener's port says is spoken there, whatever services say. */
function protocolOf({ port }: EgressSpec): readonly (readonly [port: number, protocol: Protocol])[] {
  const protocol = protocolNamed(port?.protocol ?? '');
  return port?.number === undefined || protocol === undefined ? [] : [[port.number, protocol]];
}

type EgressSpec = NonNullable<Sidecar['spec']['egress']>[number];
type ProxySpec = NonNullable<NonNullable<Sidecar['spec']['outboundTrafficPolicy']>['egressProxy']>;

function proxyDestination({ host, subset = '', port }: ProxySpec): Destination {
  return { host, subset, ...defined({ port: port?.number }) };
}

function bindOf({ port, bind = '', captureMode }: EgressSpec): readonly EgressBind[] {
  const number = port?.number ?? 0;
  const socket = captureMode === 'NONE';
  const address = bind !== '' ? bind : socket ? '127.0.0.1' : '0.0.0.0';
  if (number === 0 || (address === '0.0.0.0' && !socket)) return [];
  const protocol = protocolNamed(port?.protocol ?? '') ?? protocolOfPort({ name: port?.name, number });
  return [{ address, port: number, protocol, socket }];
}

/** A policy without a mode is REGISTRY_ONLY, as the API's zero value says. */
function modeOf(policy: Sidecar['spec']['outboundTrafficPolicy']): SidecarScope['outbound'] {
  if (policy === undefined) return undefined;
  return policy.mode === 'ALLOW_ANY' ? 'allow-any' : 'registry-only';
}

/** `.` is the proxy's own namespace; `~` before a namespace takes its hosts out, alone those of all. */
function egressHost(text: string, proxyNamespace: string): EgressHost {
  const slash = text.indexOf('/');
  const written = text.slice(0, Math.max(0, slash));
  const excluded = written.startsWith('~');
  const namespace = excluded ? written.slice(1) || '*' : written;
  return {
    namespace: namespace === '.' ? proxyNamespace : namespace,
    host: text.slice(slash + 1).toLowerCase(),
    excluded,
  };
}

/**
 * The service with the ports that a proxy with this scope knows of it; undefined where there is none. A listener for
 * a port decides about that port alone; the one without a port about all others, and about bytes that are in nobody's
 * way. `taken`: {@link takenPorts}.
 */
export function inScope(
  scope: SidecarScope,
  service: Service,
  taken: ReadonlySet<number>,
): Service | undefined {
  if (!scope.egress.some((hosts) => isImported(hosts, service))) return undefined;
  if (scope.egressPorts.size === 0) return service;
  const rest = scope.egressRest ?? [];
  const ports = service.ports.filter(({ number, protocol }) => {
    const ofPort = scope.egressPorts.get(number);
    if (ofPort === undefined) return isImported(rest, service);
    // Bytes to an address of its own are in nobody's way (Istio), nor others where the port is nobody's.
    const apart = !isHttp(protocol) && (service.addresses.length > 0 || !taken.has(number));
    return isImported(ofPort, service) || (apart && isImported(rest, service));
  });
  return ofPorts(service, ports);
}

/** The service with the ports whose calls are intercepted: not those that a listener at its own address alone is for. */
export function intercepted(scope: SidecarScope, service: Service): Service | undefined {
  if (scope.restIntercepted && scope.binds.length === 0) return service;
  const byRest = scope.restIntercepted && isImported(scope.egressRest ?? [], service);
  const ports = service.ports.filter(({ number }) => {
    if (byRest) return true;
    const ofPort = scope.egressPorts.get(number);
    return (
      ofPort !== undefined && !scope.binds.some(({ port }) => port === number) && isImported(ofPort, service)
    );
  });
  return ofPorts(service, ports);
}

/** The service with some of its ports; undefined where none is left. */
function ofPorts(service: Service, ports: Service['ports']): Service | undefined {
  if (ports.length === service.ports.length) return service;
  return ports.length === 0 ? undefined : { ...service, ports };
}

/** A service as a scope's listeners have it: what is spoken on their ports is what they say. */
export function asListened(scope: SidecarScope, service: Service): Service {
  if (scope.egressProtocols.size === 0) return service;
  let changed = false;
  const ports = service.ports.map((port) => {
    const protocol = scope.egressProtocols.get(port.number);
    if (protocol === undefined || protocol === port.protocol || port.protocol === 'udp') return port;
    if (!isImported(scope.egressPorts.get(port.number) ?? [], service)) return port;
    changed = true;
    return { ...port, protocol };
  });
  return changed ? { ...service, ports } : service;
}

/** Ports of a scope's listeners that some service is called on. */
export function takenPorts(scope: SidecarScope, visible: readonly Service[]): ReadonlySet<number> {
  const taken = new Set<number>();
  for (const [number, hosts] of scope.egressPorts)
    if (
      visible.some(
        (service) => service.ports.some((port) => port.number === number) && isImported(hosts, service),
      )
    )
      taken.add(number);
  return taken;
}

function isImported(hosts: readonly EgressHost[], { namespace, hostname }: Service): boolean {
  return letsIn(hosts, namespace, (pattern) => hostMatches(pattern, hostname), hostname);
}

/** Whether the hosts of a listener let in a name of a namespace: some match it, and none takes it out again. */
export function letsIn(
  hosts: readonly EgressHost[],
  namespace: string,
  matches: (pattern: string) => boolean,
  name: string,
): boolean {
  const about = hosts.filter((host) => host.namespace === '*' || host.namespace === namespace);
  return (
    about.some(({ excluded, host }) => !excluded && matches(host)) &&
    !about.some(({ excluded, host }) => excluded && hostMatches(host, name))
  );
}

/** Whether unknown destinations are let through, by Sidecar and namespace; undefined: the mesh decides. */
export const outboundMode = step('outbound mode', (read, key) => read.of(sidecarScope, key)?.outbound);
