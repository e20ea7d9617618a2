/**
 * The engines that really send: `weft` and `envoy`.
 *
 * In: a test and the mesh of its objects. Out: what was seen of each of its requests. Called by ../run-tests.ts. Every
 * workload of the mesh runs as an echo (src/echo) in a network namespace of its own, with a proxy beside it, on the
 * platform of `weft up`; what is outside of the mesh is one more echo with the addresses and names of the outside.
 * What never happens here: looking at what the mesh compiles to in order to answer for the proxies.
 *
 *   groups.ts   tests that share a mesh, and meshes side by side     plan.ts             what runs, and the objects
 *   live.ts     the engine: one mesh after the other in each row      running-mesh.ts     a mesh, started and changed
 *   engine.ts   one request, as often as a test says                  live-call.ts        it as a call of an echo
 *   log-window.ts, access-lines.ts  what proxies logged               observe-live.ts     both -> what is judged
 *   test-authority.ts, missing-secrets.ts, test-files.ts, test-tokens.ts  certificates and tokens that tests need not bring
 *
 * Between two tests of a mesh only objects change. Every change makes all clusters new ones (access-format.ts), so that
 * no connection outlives the rules by which it was accepted.
 */
import { stringify } from 'yaml';
import { isPlainObject } from '../../../api/plain.ts';
import type { TestWorkload } from '../../../api/weft/traffic-test.ts';
import type { GatewayPlace, Places } from '../../../control/explain/places.ts';
import type { InputFile } from '../../../control/watch/files/read-inputs.ts';
import { parseIpAddress } from '../../../lib/ip-address.ts';
import type { Service } from '../../../mesh/service.ts';
import type { Workload } from '../../../mesh/workload.ts';
import { type Fields, fieldsOf, textsOf } from '../../plain-fields.ts';
import { withTestSettings } from './access-format.ts';
import { missingSecrets, withCertificate } from './missing-secrets.ts';
import type { Credential } from './test-authority.ts';
import { withTestFiles } from './test-files.ts';

/** An application that runs. */
export interface PlannedEcho {
  readonly namespace: string;
  readonly pod: string;
  /** `NAMESPACE/WORKLOAD`, as tests name it. */
  readonly name: string;
  readonly ports: readonly number[];
}

/** A Service as it is written. */
export interface PlannedService {
  /** `NAMESPACE/NAME`. */
  readonly name: string;
  /** `spec.ports` as JSON. */
  readonly ports: string;
}

/** A mesh to start. */
export interface Plan {
  /** YAML of each object but for the Pods' commands, which are not known yet. */
  readonly objects: readonly string[];
  readonly pods: readonly PlannedPod[];
  readonly echoes: readonly PlannedEcho[];
  readonly services: readonly PlannedService[];
  /** Names and addresses outside of the mesh. */
  readonly outside: OutsideWorld;
  readonly places: Places;
}

/** A Pod as it is to be written; `echo` is undefined for gateways, which have a proxy only. */
export interface PlannedPod {
  readonly object: Readonly<Record<string, unknown>>;
  readonly echo: PlannedEcho | undefined;
}

/** Where the calls of clients outside, and past proxies, come from, and where calls to the outside end. */
export const WORLD = { namespace: 'default', pod: 'weft-outside', name: 'weft/outside' } as const;

/** The address of every name that nobody knows (TEST-NET-1, RFC 5737). */
export const ANYWHERE = '192.0.2.1';

/** What a test needs of the world, which tests share. */
export interface Needs {
  /** Ports at which whoever declares none listens. */
  readonly ports: ReadonlySet<number>;
  /** IPv4 outside of the mesh. */
  readonly addresses: ReadonlySet<string>;
  /** Names outside of the mesh. */
  readonly names: ReadonlySet<string>;
}

/** What is made for a run and what objects may refer to. */
export interface TestTrust {
  /** JSON Web Key Set: `jwks: test`. */
  readonly jwks: string;
  /** Stands for every Secret that objects name and that is not among them. */
  readonly credential: Credential;
}

/** `targets` is what the requests of a test call. */
export function needsOf(
  places: Places,
  targets: readonly { readonly host: string; readonly port: number }[],
): Needs {
  const { services, workloads } = places;
  const entries = workloads.filter(({ kind }) => kind === 'entry');
  const own = entries.flatMap(({ namedPorts }) => Object.values(namedPorts));
  const outside = outsideOf(services, workloads);
  const listed = listedEndpoints(places);
  const called = targets.map(({ host }) => host).filter((host) => isOutside(places, host));
  return {
    ports: new Set([
      ...targets.map(({ port }) => port),
      ...portsOf(services),
      ...own,
      ...listed.map(({ port }) => port),
    ]),
    names: outside.names,
    addresses: new Set([...outside.addresses, ...called, ...listed.map(({ address }) => address)]),
  };
}

/** Places outside of the mesh to which Services without a selector lead. */
function listedEndpoints(places: Places): readonly { readonly address: string; readonly port: number }[] {
  return places.services
    .filter(({ registry, selector }) => registry === 'kubernetes' && selector === undefined)
    .flatMap((service) => service.ports.flatMap(({ number }) => places.endpointsOf(service, number)))
    .filter(({ address }) => isOutside(places, address));
}

/** Whether a request calls an IPv4 address of nobody in the mesh. */
function isOutside(places: Places, host: string): boolean {
  return (
    parseIpAddress(host)?.length === 4 &&
    places.workloadAt(host, 0) === undefined &&
    places.serviceAt(host, 0) === undefined
  );
}

/** What all of them need. */
export function unitedNeeds(all: readonly Needs[]): Needs {
  return {
    ports: new Set(all.flatMap(({ ports }) => [...ports])),
    addresses: new Set(all.flatMap(({ addresses }) => [...addresses])),
    names: new Set(all.flatMap(({ names }) => [...names])),
  };
}

/**
 * Works out what has to run for a test, in a world that has what is needed. `turn` is a number that no other plan of
 * the same mesh has.
 */
export function planOf(
  inputs: readonly InputFile[],
  places: Places,
  declared: readonly TestWorkload[],
  needs: Needs,
  trust: TestTrust,
  turn: number,
): Plan {
  const outside = outsideWorld(needs);
  const everywhere = [...needs.ports].sort((a, b) => a - b);
  const documents = inputs.flatMap((input) => input.documents.map(({ value }) => value));
  const pods = [
    ...places.workloads
      .filter(({ kind }) => kind !== 'entry')
      .map((workload) => podOf(workload, places.gateways, documents, declared, everywhere)),
    ...places.gateways.filter(({ workload }) => workload === undefined).map(gatewayPod),
    worldPod(outside, everywhere),
  ];
  const kept = documents.filter(isKept);
  const written = [...kept, ...missingSecrets(kept, trust.credential)].map((value) =>
    withCertificate(withTestFiles(trusting(value, trust.jwks)), trust.credential),
  );
  return {
    objects: withTestSettings(written, turn).map((value) =>
      stringify(value, { aliasDuplicateObjects: false }),
    ),
    pods,
    echoes: pods.flatMap(({ echo }) => echo ?? []),
    services: written.flatMap(plannedService),
    outside,
    places,
  };
}

/** Objects that stand for processes are written anew; the test itself is no part of the mesh. */
const REPLACED: ReadonlySet<unknown> = new Set([
  ...['Pod', 'Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'TrafficTest'],
]);

function isKept(value: unknown): value is Fields {
  return isPlainObject(value) && !REPLACED.has(value['kind']);
}

function plannedService({ apiVersion, kind, metadata, spec }: Fields): readonly PlannedService[] {
  if (apiVersion !== 'v1' || kind !== 'Service') return [];
  const { namespace = 'default', name } = fieldsOf(metadata);
  return [{ name: `${namespace}/${name}`, ports: portsText(spec) }];
}

/** Ports of a Service's spec, to be compared. */
export function portsText(spec: unknown): string {
  return JSON.stringify(fieldsOf(spec)['ports'] ?? []);
}

/** `jwks: test` is the key set of the run. */
function trusting(value: Fields, testKeys: string): Fields {
  if (value['kind'] !== 'RequestAuthentication') return value;
  const spec = fieldsOf(value['spec']);
  const rules = Array.isArray(spec['jwtRules']) ? spec['jwtRules'] : [];
  const jwtRules = rules.map((rule: unknown) =>
    isPlainObject(rule) && rule['jwks'] === 'test' ? { ...rule, jwks: testKeys } : rule,
  );
  return { ...value, spec: { ...spec, jwtRules } };
}

function podOf(
  workload: Workload,
  gateways: readonly GatewayPlace[],
  documents: readonly unknown[],
  declared: readonly TestWorkload[],
  everywhere: readonly number[],
): PlannedPod {
  const { namespace, name, labels, serviceAccount, origin } = workload;
  const written = documents.find(
    (value): value is Fields =>
      isPlainObject(value) &&
      value['kind'] === origin.kind &&
      fieldsOf(value['metadata'])['name'] === origin.name &&
      (fieldsOf(value['metadata'])['namespace'] ?? 'default') === origin.namespace,
  );
  const template = templateOf(written ?? {});
  const isGateway = gateways.some((place) => place.workload === workload);
  const own = declared.find((one) => one.name === name && (one.namespace ?? 'default') === namespace);
  const ports = own?.ports ?? [...new Set([...Object.values(workload.namedPorts), ...everywhere])];
  const echo: PlannedEcho = { namespace, pod: name, name: `${namespace}/${workload.owner}`, ports };
  const annotations = { ...textsOf(fieldsOf(template['metadata'])['annotations']) };
  delete annotations['weft.dev/command'];
  if (isGateway) annotations['inject.istio.io/templates'] = 'gateway';
  if (workload.dataPlane === 'none') annotations['weft.dev/data-plane'] = 'none';
  else delete annotations['weft.dev/data-plane'];
  const shown = { ...labels, 'service.istio.io/workload-name': workload.owner };
  const metadata = { name, namespace, labels: shown, annotations };
  return {
    object: podObject(metadata, {
      serviceAccountName: serviceAccount,
      ...placeOf(workload),
      containers: [container(workload, ports)],
    }),
    echo: isGateway ? undefined : echo,
  };
}

/** Where a Pod runs, and its name in DNS. */
function placeOf({ node, hostname, subdomain }: Workload): Fields {
  const said = { nodeName: node, hostname, subdomain };
  return Object.fromEntries(Object.entries(said).filter(([, text]) => text !== ''));
}

/** What is said of the Pods themselves. */
function templateOf(value: Fields): Fields {
  const template = fieldsOf(value['spec'])['template'];
  return isPlainObject(template) ? template : value;
}

function container({ namedPorts }: Workload, ports: readonly number[]) {
  const names = new Map(Object.entries(namedPorts).map(([name, number]) => [number, name]));
  return {
    name: 'echo',
    image: 'echo',
    ports: ports.map((containerPort) => {
      const name = names.get(containerPort);
      return name === undefined ? { containerPort } : { containerPort, name };
    }),
  };
}

/** A gateway that a Gateway asks for, and nobody wrote. */
function gatewayPod({ namespace, name, labels }: GatewayPlace): PlannedPod {
  const annotations = { 'inject.istio.io/templates': 'gateway' };
  const containers = [{ name: 'istio-proxy', image: 'auto' }];
  const metadata = { name, namespace, labels, annotations };
  return { object: podObject(metadata, { serviceAccountName: name, containers }), echo: undefined };
}

function worldPod({ places }: OutsideWorld, ports: readonly number[]): PlannedPod {
  const { namespace, pod, name } = WORLD;
  const entries = places.map(({ address, name: host }) => (host === '' ? address : `${address}=${host}`));
  const annotations = { 'weft.dev/data-plane': 'none', 'weft.dev/outside': entries.join(', ') };
  const containers = [
    { name: 'echo', image: 'echo', ports: ports.map((containerPort) => ({ containerPort })) },
  ];
  return {
    object: podObject({ name: pod, namespace, annotations }, { containers }),
    echo: { namespace, pod, name, ports },
  };
}

function podObject(metadata: Fields, spec: Fields): Fields {
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
}

/** Everything that has an address and is no process of the mesh. */
export interface OutsideWorld {
  /** `name` is '' for a mere address. */
  readonly places: readonly { readonly address: string; readonly name: string }[];
}

/** Names outside get addresses of the range for benchmarks (RFC 2544), which nobody routes. */
function outsideWorld({ addresses, names }: Needs): OutsideWorld {
  return {
    places: [
      ...[...addresses].map((address) => ({ address, name: '' })),
      ...[...names].map((name, i) => ({ address: `198.18.${(i + 1) >> 8}.${(i + 1) & 255}`, name })),
      { address: ANYWHERE, name: '*' },
    ],
  };
}

function outsideOf(
  services: readonly Service[],
  workloads: readonly Workload[],
): Pick<Needs, 'addresses' | 'names'> {
  const external = services.filter(({ registry }) => registry !== 'kubernetes');
  const hosts = external.flatMap(({ hostname, endpoints }) => [
    hostname,
    ...endpoints.map(({ address }) => address),
  ]);
  const pods = new Set(workloads.filter(({ kind }) => kind !== 'entry').flatMap(({ ips }) => ips));
  const entries = workloads.filter(({ kind }) => kind === 'entry').flatMap(({ ips }) => ips);
  const all = [
    ...hosts,
    ...external.flatMap((service) => (service.resolution === 'passthrough' ? service.addresses : [])),
    ...entries,
  ];
  return {
    names: new Set(
      [...hosts, ...entries].filter(
        (host) => parseIpAddress(host) === undefined && /^[a-z0-9.-]+$/i.test(host),
      ),
    ),
    addresses: new Set(
      all.filter(
        (address) => parseIpAddress(address) !== undefined && !address.includes(':') && !pods.has(address),
      ),
    ),
  };
}

function portsOf(services: readonly Service[]): readonly number[] {
  return services.flatMap((service) => [
    ...service.ports.flatMap(({ number, targetPort }) => [
      number,
      ...(typeof targetPort === 'number' ? [targetPort] : []),
    ]),
    ...service.endpoints.flatMap(({ ports }) => [...Object.values(ports)]),
  ]);
}
