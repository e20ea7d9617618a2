import { hostMatches, isWildcard } from '../../mesh/hostname.ts';
import { type Destination, MESH, type RuleSet, type WeightedDestination } from '../../mesh/route.ts';
import type { Service } from '../../mesh/service.ts';
import { hostPolicy, hostPolicyKey } from './destination-rules.ts';
import type { Finding } from './finding.ts';
import { gateway } from './gateways.ts';
import { rulesForHost } from './rules-for.ts';
import { visibleServices } from './services.ts';
import { virtualService } from './virtual-services.ts';
import { keyOf, partsOf, type Read, step } from './world.ts';

// References to nothing. Nothing is refused for them: what they point at may still come.

/** Findings about what a VirtualService refers to, by its namespace and name. */
export const virtualServiceReferences = step(
  'references of a virtual service',
  (read, key): readonly Finding[] => {
    const rules = read.of(virtualService, key).value;
    if (rules === undefined) return [];
    return [
      ...gatewayFindings(read, rules),
      ...olderFindings(read, rules),
      ...destinationFindings(read, rules),
    ];
  },
);

function gatewayFindings(read: Read, rules: RuleSet): Finding[] {
  return rules.gateways.flatMap((name, i): Finding[] => {
    const [namespace = '', gatewayName = ''] = name.split('/');
    if (name === MESH || read.of(gateway, keyOf(namespace, gatewayName)).value !== undefined) return [];
    const message = `there is no Gateway ${name}; the rules are not in use there`;
    return [{ origin: rules.origin, field: `spec.gateways[${i}]`, message }];
  });
}

/** Sidecars look at one object for each host; a younger one for the same host has no effect. */
function olderFindings(read: Read, rules: RuleSet): Finding[] {
  if (!rules.gateways.includes(MESH)) return [];
  return rules.hosts.flatMap((host, i): Finding[] => {
    const decisive = read.of(rulesForHost, keyOf(viewOfNamespace(rules.namespace), host));
    if (decisive === undefined || decisive === rules || isWildcard(host)) return [];
    const message = `VirtualService ${decisive.namespace}/${decisive.name} is older and decides about ${host} for sidecars; this one has no effect there`;
    return [{ origin: rules.origin, field: `spec.hosts[${i}]`, message }];
  });
}

/** A view of the namespace without Sidecar and labels, which is enough to ask for rules. */
function viewOfNamespace(namespace: string): string {
  return JSON.stringify(['sidecar', namespace, '', [], false, [], [], ['', '', '']]);
}

function destinationFindings(read: Read, rules: RuleSet): Finding[] {
  const http = rules.http.flatMap(({ action, mirrors, origin }) => [
    ...(action.type === 'forward' ? action.destinations : []),
    ...mirrors.map((mirror): WeightedDestination => ({ ...mirror, weight: 1, origin })),
  ]);
  const others = [...rules.tls, ...rules.tcp].flatMap(({ destinations }) => destinations);
  return [...http, ...others].flatMap((entry) => destinationFinding(read, rules.namespace, entry));
}

function destinationFinding(
  read: Read,
  namespace: string,
  { destination, origin }: WeightedDestination,
): Finding[] {
  const problem = destinationProblem(read, namespace, destination);
  if (problem === undefined) return [];
  // A rule of a delegate belongs to the delegate: the origin says whose field it is.
  return [{ origin, field: `${origin.field}.destination.${problem.part}`, message: problem.message }];
}

function destinationProblem(
  read: Read,
  namespace: string,
  { host, subset, port }: Destination,
): { readonly part: string; readonly message: string } | undefined {
  const { byHost, list } = read.of(visibleServices, namespace);
  const service =
    byHost.get(host) ?? list.find(({ hostname }) => isWildcard(hostname) && hostMatches(hostname, host));
  if (service === undefined)
    return { part: 'host', message: `there is no service ${host}; requests to it are answered with 503` };
  if (port !== undefined && !service.ports.some(({ number }) => number === port))
    return { part: 'port.number', message: `${host} has no port ${port}; it has ${portList(service)}` };
  if (subset === '') return undefined;
  const policy = read.of(hostPolicy, hostPolicyKey(namespace, host, service.namespace, {}));
  if (policy.subsets.some(({ name }) => name === subset)) return undefined;
  return {
    part: 'subset',
    message: `no DestinationRule has a subset ${subset} of ${host}; requests to it are answered with 503`,
  };
}

function portList(service: Service): string {
  return service.ports.map(({ number }) => number).join(', ') || 'none';
}

/** Findings about what a DestinationRule refers to, by its namespace, name and host. */
export const destinationRuleReferences = step(
  'references of a destination rule',
  (read, key): readonly Finding[] => {
    const [namespace = '', name = '', host = ''] = partsOf(key);
    const { list } = read.of(visibleServices, namespace);
    if (list.some(({ hostname }) => hostMatches(host, hostname) || hostMatches(hostname, host))) return [];
    const origin = { group: 'networking.istio.io', kind: 'DestinationRule', namespace, name };
    return [{ origin, field: 'spec.host', message: `there is no service ${host}; the rule has no effect` }];
  },
);
