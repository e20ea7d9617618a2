import type { BackendRef } from '../../../api/gateway/shared/references.ts';
import type { Origin } from '../../../mesh/origin.ts';
import type { Destination, WeightedDestination } from '../../../mesh/route.ts';
import type { Service } from '../../../mesh/service.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { serviceEntry } from '../service-entries.ts';
import { keyOf, type Read } from '../world.ts';
import type { RefProblem } from './conditions.ts';
import { experimentalBackend } from './experimental-backends.ts';
import { isGranted } from './grants.ts';
import { GROUP, type RouteKind } from './route-kinds.ts';

/** Who refers to backends. */
export interface RouteContext {
  readonly read: Read;
  readonly kind: RouteKind;
  readonly namespace: string;
  /** Collects references to nothing. */
  readonly problems: RefProblem[];
  /** Collects rules that ask for what there is not: by number, with the reason. */
  readonly badRules: Map<number, string>;
}

/** A service that never is: what is sent there is answered as by a missing destination. */
const NOWHERE = 'UnknownService';

/** A backend as a destination; one that cannot be had leads nowhere, and its share of the requests fails. */
export function backendDestination(
  context: RouteContext,
  ref: BackendRef,
): { readonly destination: Destination; readonly valid: boolean } {
  const found = resolve(context, ref);
  if ('destination' in found) return { destination: found.destination, valid: true };
  context.problems.push(found);
  return { destination: { host: NOWHERE, subset: '', port: ref.port ?? 80 }, valid: false };
}

/** Destinations with their shares. Connections to none of them end at once. */
export function weightedBackends(
  context: RouteContext,
  refs: readonly BackendRef[],
  origin: Origin,
): WeightedDestination[] {
  const all = refs.map((ref, i) => ({
    destination: backendDestination(context, ref).destination,
    weight: ref.weight ?? 1,
    origin: { ...origin, field: `${origin.field}.backendRefs[${i}]` },
  }));
  const used = all.filter(({ weight }) => weight > 0);
  const nowhere = { destination: { host: NOWHERE, subset: '', port: 80 }, weight: 1, origin };
  return used.length === 0 ? [nowhere] : used;
}

const EXPERIMENTAL = 'gateway.networking.x-k8s.io/XBackend';
const KINDS: readonly string[] = [
  '/Service',
  'networking.istio.io/ServiceEntry',
  'networking.istio.io/Hostname',
  EXPERIMENTAL,
];

/** An XBackend has one port of its own. */
function led(
  read: Read,
  key: string,
  { name, port }: BackendRef,
): RefProblem | { readonly destination: Destination } {
  const backend = read.of(experimentalBackend, key);
  if (backend === undefined) return { reason: 'BackendNotFound', message: `there is no XBackend ${name}` };
  if (backend.problem !== undefined)
    return { ...backend.problem, message: `XBackend ${name}: ${backend.problem.message}` };
  const [own] = backend.service.ports;
  if (port !== undefined && port !== own?.number)
    return { reason: 'BackendNotFound', message: `XBackend ${name} has no port ${port}` };
  return { destination: { host: backend.service.hostname, subset: '', port: own?.number ?? 0 } };
}

function resolve(
  { read, kind: from, namespace: own }: RouteContext,
  ref: BackendRef,
): RefProblem | { readonly destination: Destination } {
  const { group = '', kind = 'Service', namespace = own, name, port } = ref;
  const id = `${group}/${kind}`;
  if (!KINDS.includes(id))
    return { reason: 'InvalidKind', message: `${kind} ${name} is not a kind that a route can lead to` };
  if (!isGranted(read, { group: GROUP, kind: from, namespace: own }, { group, kind, namespace, name }))
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in ${namespace} lets ${from}s of ${own} lead to ${kind} ${name}`,
    };
  const key = keyOf(namespace, name);
  if (id === 'networking.istio.io/Hostname')
    return { destination: { host: name, subset: '', ...(port === undefined ? {} : { port }) } };
  if (id === EXPERIMENTAL) return led(read, key, ref);
  const service: Service | undefined =
    id === '/Service' ? read.of(kubernetesService, key).value : read.of(serviceEntry, key).value?.[0];
  if (service === undefined)
    return { reason: 'BackendNotFound', message: `there is no ${kind} ${namespace}/${name}` };
  const target = port ?? (service.ports.length === 1 ? service.ports[0]?.number : undefined);
  if (target === undefined || !hasPort(service, target))
    return { reason: 'BackendNotFound', message: `${kind} ${namespace}/${name} has no port ${port ?? ''}` };
  return { destination: { host: service.hostname, subset: '', port: target } };
}

/** Another name of a service has whatever ports that one has. */
function hasPort({ resolution, ports }: Service, port: number): boolean {
  return ports.some(({ number }) => number === port) || (resolution === 'alias' && ports.length === 0);
}
