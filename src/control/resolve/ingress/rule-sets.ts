import type { Ingress, IngressBackend, IngressPath } from '../../../api/kubernetes/ingress.ts';
import type { Resource } from '../../../api/resources.ts';
import { kubernetesHost } from '../../../mesh/hostname.ts';
import type { Origin } from '../../../mesh/origin.ts';
import type { Destination, HttpMatch, HttpRule, PathMatch, RuleSet } from '../../../mesh/route.ts';
import type { Finding } from '../finding.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { meshSettings } from '../mesh-settings.ts';
import { ageOf, keyOf, originOf, type Read, step } from '../world.ts';
import { gatewayName } from './gateways.ts';
import { ourIngresses } from './ours.ts';

// Ingresses as rule sets: one for each host, out of all Ingresses that name it. Exact paths come before prefixes, long
// ones before short ones, and what is said for every path last; of equal ones the older Ingress counts.

interface Rules {
  readonly sets: readonly RuleSet[];
  readonly findings: readonly Finding[];
}

const ANY_HOST = '*';

/** All rule sets, and what is odd about the Ingresses. */
export const ingressRules = step('ingress rules', (read): Rules => {
  const findings: Finding[] = [];
  const all = read.of(ourIngresses, '');
  const rules = all.flatMap((resource) => rulesOf(read, resource, findings));
  const hosts = [...new Set(rules.map(({ host }) => host))];
  const gateways = all.map(
    ({ key }) => `${read.of(meshSettings, '').rootNamespace}/${gatewayName(key.namespace, key.name)}`,
  );
  return {
    sets: hosts.map((host) =>
      ruleSet(
        host,
        rules.filter((rule) => rule.host === host),
        gateways,
      ),
    ),
    findings,
  };
});

interface HostRule {
  readonly host: string;
  readonly rule: HttpRule;
  readonly resource: Resource<Ingress>;
}

function rulesOf(read: Read, resource: Resource<Ingress>, findings: Finding[]): HostRule[] {
  const { rules = [], defaultBackend } = resource.object.spec ?? {};
  const own = rules.flatMap(({ host = '', http }, i) =>
    (http?.paths ?? []).flatMap((path, j): HostRule[] => {
      const origin = originOf(resource, `spec.rules[${i}].http.paths[${j}]`);
      const destination = destinationOf(read, resource, path.backend, `${origin.field}.backend`, findings);
      if (destination === undefined) return [];
      return [{ host: host || ANY_HOST, rule: httpRule(matchOf(path), destination, origin), resource }];
    }),
  );
  if (defaultBackend === undefined) return own;
  const field = 'spec.defaultBackend';
  const destination = destinationOf(read, resource, defaultBackend, field, findings);
  if (destination === undefined) return own;
  const everything = matchOf({ backend: defaultBackend, path: '/', pathType: 'Prefix' });
  return [
    ...own,
    { host: ANY_HOST, rule: httpRule(everything, destination, originOf(resource, field)), resource },
  ];
}

function destinationOf(
  read: Read,
  { key }: Resource<Ingress>,
  { service }: IngressBackend,
  field: string,
  findings: Finding[],
): Destination | undefined {
  const origin: Origin = { ...key };
  if (service === undefined) {
    findings.push({ origin, field, message: 'only services can be called; this path leads nowhere' });
    return undefined;
  }
  const ports = read.of(kubernetesService, keyOf(key.namespace, service.name)).value?.ports;
  const { number, name = '' } = service.port ?? {};
  const port = number ?? ports?.find((one) => one.name === name)?.number;
  if (ports === undefined || (port === undefined && name !== ''))
    findings.push({
      origin,
      field: `${field}.service`,
      message:
        ports === undefined
          ? `there is no Service ${service.name}`
          : `Service ${service.name} has no port "${name}"`,
    });
  const host = kubernetesHost(service.name, key.namespace, read.of(meshSettings, '').clusterDomain);
  return { host, subset: '', ...(port === undefined ? {} : { port }) };
}

function matchOf({ path = '', pathType }: IngressPath): HttpMatch {
  return {
    name: '',
    sourceLabels: {},
    sourceNamespace: '',
    path: pathOf(path, pathType),
    headers: [],
    query: [],
    claims: [],
  };
}

/** `Prefix` goes by segments; what is specific to whoever serves it ends in `*` for a prefix of characters. */
function pathOf(path: string, type: IngressPath['pathType']): PathMatch {
  const bare = path.replace(/\/+$/, '');
  if (type === 'Exact') return { type: 'exact', value: path };
  if (type === 'Prefix') return bare === '' ? EVERY_PATH : { type: 'segments', value: bare };
  if (path === '') return EVERY_PATH;
  const open = /\.?\*$/.exec(path);
  return open === null
    ? { type: 'exact', value: path }
    : { type: 'prefix', value: path.slice(0, open.index) };
}

const EVERY_PATH = { type: 'prefix', value: '/' } as const;

function httpRule(match: HttpMatch, destination: Destination, origin: Origin): HttpRule {
  return {
    name: '',
    matches: [match],
    action: { type: 'forward', destinations: [{ destination, weight: 100, origin }] },
    mirrors: [],
    origin,
  };
}

function ruleSet(host: string, rules: readonly HostRule[], gateways: readonly string[]): RuleSet {
  const [first] = rules as readonly [HostRule];
  return {
    namespace: first.resource.key.namespace,
    name: `ingress~${host}`,
    hosts: [host],
    gateways,
    exportTo: ['*'],
    http: rules.map(({ rule }) => rule).sort((a, b) => rank(b) - rank(a)),
    tls: [],
    tcp: [],
    age: ageOf(first.resource),
    origin: originOf(first.resource),
  };
}

/** Longest path there is in a request; beyond it lengths make no difference. */
const LONGEST = 65_536;

function rank({ matches }: HttpRule): number {
  const path = matches[0]?.path;
  if (path === undefined || path.type === 'present') return 0;
  return (path.type === 'exact' ? LONGEST : 0) + Math.min(path.value.length, LONGEST - 1);
}
