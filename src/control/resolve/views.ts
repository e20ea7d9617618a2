import type { MeshProxy, View } from '../../mesh/proxy.ts';
import { labelKeysOfAuthorization } from './authorization/policies.ts';
import { labelKeysOfDestinationRules } from './destination-rules.ts';
import { gateways } from './gateways.ts';
import { inboundPorts } from './inbound-ports.ts';
import { namespaceClass } from './namespace-classes.ts';
import { deliveredConfig } from './own-proxy-config.ts';
import { placeOf, placeUse } from './places.ts';
import { proxy } from './proxies.ts';
import { labelKeysOfAuthentication } from './request-authentications.ts';
import { sidecarOf, sidecarOfKey } from './sidecars.ts';
import { virtualServices } from './virtual-services.ts';
import { keyOf, partsOf, type Read, step } from './world.ts';

// What is the same for all proxies that ask alike.

/** The view of a proxy, as the key of {@link view}: equal keys, equal configuration. */
export const viewKeyOf = step('view of a proxy', (read, key): string => {
  const who = read.of(proxy, key);
  const keys = read.of(who.type === 'router' ? labelKeysOfRouters : labelKeysOfSidecars, who.namespace);
  const labels = keys.flatMap((name) => (who.labels[name] === undefined ? [] : [[name, who.labels[name]]]));
  const sidecar = who.type === 'router' ? '' : sidecarName(read, who);
  const explicit = who.workload?.explicit;
  const ports = who.type === 'router' ? servicePorts(read, key) : [];
  const bound = who.type === 'router' ? [...(explicit?.ports ?? [])] : [];
  // A Sidecar may speak of "this namespace", and so means another thing in each; a Gateway may select only in its own.
  const alike = sidecar === '' && who.type === 'sidecar';
  const namespace = alike ? read.of(namespaceClass, who.namespace) : who.namespace;
  const { locality, network, node } = placeOf(read, who);
  const place = [locality, network, node];
  const own = deliveredConfig(who.workload?.proxyConfig);
  const forward = explicit !== undefined;
  return JSON.stringify([who.type, namespace, sidecar, labels, forward, ports, bound, place, own]);
});

function sidecarName(read: Read, who: MeshProxy): string {
  const found = read.of(sidecarOf, sidecarOfKey(who.namespace, who.labels));
  return found === undefined ? '' : `${found.namespace}/${found.name}`;
}

/** Ports of the services that lead to a router, each with the router's own port behind it. */
function servicePorts(read: Read, key: string): readonly (readonly [service: number, own: number])[] {
  const ports = new Map<number, number>();
  for (const { number, servicePorts } of read.of(inboundPorts, key))
    for (const port of servicePorts) if (!ports.has(port)) ports.set(port, number);
  return [...ports].sort(([a], [b]) => a - b);
}

type ViewParts = [
  View['type'],
  string,
  string,
  [string, string][],
  boolean,
  [number, number][],
  [number, number][],
  [string, string, string],
  string,
];

/** The view of a key. */
export const view = step('view', (_read, key): View => {
  const [type, namespace, sidecar, labels, forwardProxy, ports, bound, place, proxyConfig] = JSON.parse(
    key,
  ) as ViewParts;
  const [locality, network, node] = place;
  return {
    type,
    namespace,
    sidecar,
    labels: Object.fromEntries(labels),
    place: { locality, network, node },
    forwardProxy,
    ports: new Map(ports),
    boundPorts: new Map(bound),
    proxyConfig,
  };
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
  const keys = [
    ...read.of(labelKeysOfSources, ''),
    ...read.of(labelKeysOfDestinationRules, namespace),
    ...read.of(placeUse, '').labels,
  ];
  return [...new Set(keys)].sort();
});

const labelKeysOfRouters = step('label keys of routers', (read, namespace): readonly string[] => {
  const keys = read.of(gateways, '').flatMap((gateway) => Object.keys(gateway.selector));
  const ofPolicies = [...read.of(labelKeysOfAuthorization, ''), ...read.of(labelKeysOfAuthentication, '')];
  return [...new Set([...keys, ...ofPolicies, ...read.of(labelKeysOfSidecars, namespace)])].sort();
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
