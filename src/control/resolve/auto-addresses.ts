import type { ServiceEntry } from '../../api/istio/service-entry.ts';
import type { Resource } from '../../api/resources.ts';
import { isWildcard } from '../../mesh/hostname.ts';
import { type Age, compareAge } from '../../mesh/service.ts';
import { ageOf, keyOf, listOf, type Read, settingsFact, step } from './world.ts';

// Addresses for what has none: ServiceEntries, and, where there is no platform to give them out, Services and the
// workloads that Deployments stand for. Out of ranges that nobody routes (class E; 240.240.0.0/16 as in Istio). An
// address is a function of the name, with the next free one where two names meet, the older object first: adding an
// object never moves an older one's address.

/** Address by namespace, object and, for ServiceEntries, host (keyOf). */
export const autoAddresses = step('automatic addresses', (read): ReadonlyMap<string, string> => {
  const names = [
    ...namesOfEntries(read),
    ...(read.fact(settingsFact, '').offline === true ? namesOfServices(read) : []),
  ];
  return addressesOf(names, '240.240');
});

/** Address by namespace and name of a Deployment or other template. */
export const templateAddresses = step('addresses of templates', (read): ReadonlyMap<string, string> => {
  const names = TEMPLATE_KINDS.flatMap((kind) =>
    listOf(read, kind).map((resource) =>
      nameOf([resource.key.namespace, resource.key.name], ageOf(resource)),
    ),
  );
  return addressesOf(names, '240.241');
});

/** Kinds that make Pods from a template. */
export const TEMPLATE_KINDS = ['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet'] as const;

/**
 * Whether a ServiceEntry gets an address of its own where none is written, so that its name can be resolved and plain
 * TCP to it can be told apart. Wildcards have no name to resolve; with resolution NONE the client's address is the address.
 */
export function mayAllocate(resource: Resource<ServiceEntry>, hostname: string): boolean {
  const { spec, metadata } = resource.object;
  const label = metadata.labels?.['networking.istio.io/enable-autoallocate-ip'] ?? 'true';
  return (spec.resolution ?? 'NONE') !== 'NONE' && !isWildcard(hostname) && label.toLowerCase() !== 'false';
}

interface Named {
  readonly key: string;
  readonly text: string;
  readonly age: Age;
}

function nameOf(parts: readonly string[], age: Age): Named {
  return { key: keyOf(...parts), text: parts.join('/'), age };
}

function namesOfEntries(read: Read): Named[] {
  return listOf(read, 'networking.istio.io/ServiceEntry').flatMap((resource) => {
    const { namespace, name } = resource.key;
    const hosts = (resource.object.spec.addresses ?? []).length > 0 ? [] : (resource.object.spec.hosts ?? []);
    return hosts
      .filter((host) => mayAllocate(resource, host))
      .map((host) => nameOf([namespace, name, host], ageOf(resource)));
  });
}

function namesOfServices(read: Read): Named[] {
  return listOf(read, '/Service')
    .filter(({ object: { spec } }) => (spec?.clusterIP ?? '') === '' && spec?.type !== 'ExternalName')
    .map((resource) => nameOf([resource.key.namespace, resource.key.name], ageOf(resource)));
}

const RANGE_SIZE = 65_534;

function addressesOf(names: readonly Named[], range: string): ReadonlyMap<string, string> {
  const taken = new Map<number, string>();
  for (const { key, text } of [...names].sort((a, b) => compareAge(a.age, b.age)).slice(0, RANGE_SIZE)) {
    let slot = hash(text) % RANGE_SIZE;
    while (taken.has(slot)) slot = (slot + 1) % RANGE_SIZE;
    taken.set(slot, key);
  }
  return new Map([...taken].map(([slot, key]) => [key, `${range}.${(slot + 1) >> 8}.${(slot + 1) & 255}`]));
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
