import type { Backend, BackendSpec } from '../../../api/gateway/experimental/backend.ts';
import type { Resource } from '../../../api/resources.ts';
import type { Protocol } from '../../../mesh/protocol.ts';
import type { Service } from '../../../mesh/service.ts';
import type { ClientTls, DestinationPolicy } from '../../../mesh/traffic-policy.ts';
import { ageOf, listOf, objectKey, objectOf, originOf, partsOf, type Read, step } from '../world.ts';
import { caProblems, clientTls } from './backend-tls.ts';
import { type Condition, isFalse, isTrue, type RefProblem } from './conditions.ts';

// XBackends: places that routes lead to without a Service. Each is a service that nobody can call by a name: only routes
// know it.

const KIND = 'gateway.networking.x-k8s.io/XBackend';

/** An XBackend, and why it cannot be had. */
export interface ExperimentalBackend {
  readonly service: Service;
  readonly tls: ClientTls | undefined;
  readonly problem: RefProblem | undefined;
}

/** One, by namespace and name. */
export const experimentalBackend = step('backend', (read, key): ExperimentalBackend | undefined => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  return (
    resource && {
      service: serviceOf(resource),
      tls: tlsOf(read, resource),
      problem: problemOf(read, resource),
    }
  );
});

/** The services of all of them. */
export const experimentalServices = step('services of backends', (read): readonly Service[] =>
  listOf(read, KIND).flatMap((resource) => read.of(experimentalBackend, objectKey(resource))?.service ?? []),
);

const PROTOCOLS: Readonly<Record<NonNullable<BackendSpec['protocol']>, Protocol>> = {
  TCP: 'tcp',
  HTTP: 'http',
  HTTP11: 'http',
  HTTP2: 'http2',
  H2C: 'http2',
  GRPC: 'grpc',
  // Spoken over HTTP.
  MCP: 'http',
  WSS: 'http',
};

function serviceOf(resource: Resource<Backend>): Service {
  const { namespace, name } = resource.key;
  const { port = {}, protocol = 'HTTP', externalHostname, endpointSelector } = resource.object.spec;
  const number = port.number ?? port.port ?? 0;
  const address = externalHostname?.hostname;
  const listed = { ports: {}, labels: {}, locality: '', network: '', weight: 0, serviceAccount: '' };
  return {
    hostname: `${name}.${namespace}.xbackend.weft.dev`,
    namespace,
    name,
    registry: 'backend',
    ledTo: true,
    addresses: [],
    ports: [{ name: 'backend', number, protocol: PROTOCOLS[protocol], targetPort: number }],
    resolution: address === undefined ? 'endpoints' : 'dns',
    external: address !== undefined,
    exportTo: ['*'],
    endpoints: address === undefined ? [] : [{ address, ...listed }],
    subjectAltNames: [],
    notReadyToo: false,
    age: ageOf(resource),
    origin: originOf(resource),
    ...(endpointSelector === undefined ? {} : { selector: endpointSelector.matchLabels ?? {} }),
  };
}

/** Without a word about names the server has to be who it is called by. */
function tlsOf(read: Read, { key, object }: Resource<Backend>): ClientTls | undefined {
  const { tls, externalHostname } = object.spec;
  if (tls === undefined) return undefined;
  if (tls.mode === 'None')
    return { mode: 'disable', subjectAltNames: [], insecureSkipVerify: false, credentialAtSidecars: false };
  const standard = { hostname: externalHostname?.hostname ?? '', wellKnownCACertificates: 'System' };
  const { gatewayCertificate: _none, ...own } = clientTls(read, key.namespace, tls.validation ?? standard);
  return own;
}

function problemOf(read: Read, { key, object }: Resource<Backend>): RefProblem | undefined {
  const { tls, endpointSelector } = object.spec;
  const reason = 'UnsupportedValue';
  if (tls?.mode === 'ClientAndServer')
    return { reason, message: 'certificates of clients are those of Gateways (tls.backend): use ServerOnly' };
  if (endpointSelector !== undefined && tls?.mode === 'ServerOnly' && tls.validation === undefined)
    return { reason, message: 'whom a certificate has to be of is not known: set tls.validation' };
  return caProblems(read, key.namespace, tls?.validation ?? {})[0];
}

/** What they say of TLS, as a DestinationRule would. */
export const experimentalDestinations = step(
  'destinations of backends',
  (read): readonly DestinationPolicy[] =>
    listOf(read, KIND).flatMap((resource): DestinationPolicy[] => {
      const { tls, service } = read.of(experimentalBackend, objectKey(resource)) ?? {};
      if (tls === undefined || service === undefined) return [];
      const { namespace, name } = resource.key;
      const policy = { tls, ports: new Map() };
      const host = service.hostname;
      const [age, origin] = [ageOf(resource), originOf(resource, 'spec.tls')];
      return [
        { namespace, name: `${name}~xbackend`, host, policy, subsets: [], exportTo: ['*'], age, origin },
      ];
    }),
);

/** `Accepted`, for whoever leads to it. */
export function acceptedBackend({ problem }: ExperimentalBackend): Condition {
  return problem === undefined
    ? isTrue('Accepted', 'Accepted')
    : isFalse('Accepted', problem.reason, problem.message);
}
