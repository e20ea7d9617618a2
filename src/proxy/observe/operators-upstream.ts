import type { Connection } from '../../wire/connection.ts';
import { addressOf, type Operator, portOf } from './operator.ts';
import type { StreamFacts, UpstreamEndpoint } from './stream-facts.ts';

// Where a request went.

/** Numbers of connections, given when somebody first asks. */
const connectionIds = new WeakMap<Connection, number>();
let lastConnectionId = 0;

function connectionId(connection: Connection | undefined): number | undefined {
  if (connection === undefined) return undefined;
  let id = connectionIds.get(connection);
  if (id === undefined) connectionIds.set(connection, (id = ++lastConnectionId));
  return id;
}

function nameOf(endpoint: UpstreamEndpoint | undefined): string | undefined {
  return endpoint === undefined ? undefined : endpoint.placement.spec.hostname || endpoint.address;
}

/** The other end of the connection, where there was one. */
function remote(facts: StreamFacts): string | undefined {
  return facts.upstreamLocalAddress === undefined ? undefined : facts.upstreamHost;
}

/** Every endpoint that was tried, the last one too, joined by commas. */
function attempted(print: (endpoint: UpstreamEndpoint) => string | undefined): Operator {
  return ({ upstream }) => {
    if (upstream?.endpoint === undefined) return undefined;
    return [...(upstream.triedBefore ?? []), upstream.endpoint].map(print).join(',');
  };
}

export const UPSTREAM_OPERATORS: Readonly<Record<string, Operator>> = {
  UPSTREAM_HOST: (f) => f.upstreamHost,
  UPSTREAM_HOST_NAME: (f) => nameOf(f.upstream?.endpoint),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (f) => addressOf(nameOf(f.upstream?.endpoint)),
  UPSTREAM_HOSTS_ATTEMPTED: attempted((endpoint) => endpoint.address),
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: attempted((endpoint) => addressOf(endpoint.address)),
  UPSTREAM_HOST_NAMES_ATTEMPTED: attempted(nameOf),
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: attempted((endpoint) => addressOf(nameOf(endpoint))),
  UPSTREAM_REMOTE_ADDRESS: remote,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (f) => addressOf(remote(f)),
  UPSTREAM_REMOTE_PORT: (f) => portOf(remote(f)),
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID: (f) => (remote(f) === undefined ? undefined : ''),
  UPSTREAM_LOCAL_ADDRESS: (f) => f.upstreamLocalAddress,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.upstreamLocalAddress),
  UPSTREAM_LOCAL_PORT: (f) => portOf(f.upstreamLocalAddress),
  UPSTREAM_CLUSTER: (f) => f.upstream?.statName ?? f.upstreamCluster,
  UPSTREAM_CLUSTER_RAW: (f) => f.upstreamCluster,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (f) => f.upstreamAttempts,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (f) => f.upstreamTransportFailureReason?.replaceAll(' ', '_'),
  UPSTREAM_PROTOCOL: (f) => f.upstream?.protocol,
  UPSTREAM_CONNECTION_ID: (f) => connectionId(f.upstream?.connection),
};

/** Of the TLS connection to the endpoint. */
export function upstreamTls(facts: StreamFacts): Connection['tls'] {
  return facts.upstream?.connection?.tls;
}
