import type { MeshProxy, View } from '../../mesh/proxy.ts';
import type { Labels } from '../../mesh/workload.ts';
import { labelKeysOfDestinationRules } from './destination-rules.ts';
import { gateways } from './gateways.ts';
import { sidecarOf, sidecarOfKey } from './sidecars.ts';
import { virtualServices } from './virtual-services.ts';
import { workloadNamed } from './workloads.ts';
import { keyOf, partsOf, type Read, step } from './world.ts';

// Who asks, and what is the same for all who ask alike.

/** What a proxy says of itself: the parts of its node id, and its labels. */
export interface ProxyClaim {
  readonly type: 'sidecar' | 'router';
  readonly ip: string;
  readonly name: string;
  readonly namespace: string;
  /** Only believed where its Pod is not known. */
  readonly labels: Labels;
}

/** Key of {@link proxy}. */
export function proxyKey(claim: ProxyClaim): string {
  return JSON.stringify([claim.type, claim.ip, claim.name, claim.namespace, claim.labels]);
}

/** A proxy with what is known of the workload beside it. */
export const proxy = step('proxy', (read, key): MeshProxy => {
  const [type, ip, name, namespace, labels] = JSON.parse(key) as [
    MeshProxy['type'],
    string,
    string,
    string,
    Labels,
  ];
  const workload = read.of(workloadNamed, keyOf(namespace, name));
  if (workload === undefined) return { type, namespace, name, ips: ip === '' ? [] : [ip], labels };
  const ips = workload.ips.length > 0 || ip === '' ? workload.ips : [ip];
  return { type, namespace, name, ips, labels: workload.labels, workload };
});

/** The view of a proxy, as the key of {@link view}: equal keys, equal configuration. */
export const viewKeyOf = step('view of a proxy', (read, key): string => {
  const who = read.of(proxy, key);
  const keys = read.of(who.type === 'router' ? labelKeysOfRouters : labelKeysOfSidecars, who.namespace);
  const labels = keys.flatMap((name) => (who.labels[name] === undefined ? [] : [[name, who.labels[name]]]));
  const sidecar = who.type === 'router' ? '' : sidecarName(read, who);
  return JSON.stringify([who.type, who.namespace, sidecar, labels, who.workload?.explicit !== undefined]);
});

function sidecarName(read: Read, who: MeshProxy): string {
  const found = read.of(sidecarOf, sidecarOfKey(who.namespace, who.labels));
  return found === undefined ? '' : `${found.namespace}/${found.name}`;
}

/** The view of a key. */
export const view = step('view', (_read, key): View => {
  const parts = JSON.parse(key) as [View['type'], string, string, [string, string][], boolean];
  const [type, namespace, sidecar, labels, forwardProxy] = parts;
  return { type, namespace, sidecar, labels: Object.fromEntries(labels), forwardProxy };
});

const labelKeysOfSources = step('label keys of sources', (read): readonly string[] => {
  const keys = read
    .of(virtualServices, '')
    .flatMap((rules) =>
      [...rules.http, ...rules.tls, ...rules.tcp].flatMap((rule) =>
        rule.matches.flatMap((match) => Object.keys(match.sourceLabels)),
      ),
    );
  return [...new Set(keys)].sort();
});

const labelKeysOfSidecars = step('label keys of sidecars', (read, namespace): readonly string[] => {
  const keys = [...read.of(labelKeysOfSources, ''), ...read.of(labelKeysOfDestinationRules, namespace)];
  return [...new Set(keys)].sort();
});

const labelKeysOfRouters = step('label keys of routers', (read, namespace): readonly string[] => {
  const keys = read.of(gateways, '').flatMap((gateway) => Object.keys(gateway.selector));
  return [...new Set([...keys, ...read.of(labelKeysOfSidecars, namespace)])].sort();
});

/** Joins a view with what is asked of it. */
export function inView(viewKey: string, ...parts: readonly (string | number)[]): string {
  return keyOf(viewKey, ...parts);
}

/** The view and the other parts of a key of {@link inView}. */
export function viewAndParts(
  read: Read,
  key: string,
): { readonly viewKey: string; readonly view: View; readonly parts: string[] } {
  const [viewKey = '', ...parts] = partsOf(key);
  return { viewKey, view: read.of(view, viewKey), parts };
}
