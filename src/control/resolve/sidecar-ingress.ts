import type { Sidecar } from '../../api/istio/sidecar.ts';
import { defined } from '../../lib/defined.ts';
import type { ServerTls } from '../../mesh/gateway.ts';
import { type Protocol, protocolNamed, protocolOfPort } from '../../mesh/protocol.ts';
import type { ConnectionPool } from '../../mesh/traffic-policy.ts';
import { connectionPool } from './destination-rule/traffic-policy.ts';
import { serverTls } from './gateways.ts';
import { objectOf, step } from './world.ts';

/** Where the application listens: an address and port, or a Unix socket. */
export type ApplicationPlace =
  | { readonly address: string; readonly port: number }
  | { readonly path: string };

/** One port that a Sidecar opens for its workload. */
export interface IngressListener {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
  /** '' for the workload's own address. */
  readonly bind: string;
  /** Others connect to the proxy's socket itself: nothing is intercepted. */
  readonly socket: boolean;
  /** Missing: at the port and address that was called. */
  readonly target?: ApplicationPlace;
  /** How TLS is ended for clients that are not of the mesh. */
  readonly tls?: ServerTls;
  readonly pool?: ConnectionPool;
}

/** What a Sidecar says about the inbound side. */
export interface SidecarIngress {
  /** Empty: the ports by which services call the workload. */
  readonly listeners: readonly IngressListener[];
  /** Limits of connections to the application, where a listener has none of its own. */
  readonly pool?: ConnectionPool;
}

const NOTHING: SidecarIngress = { listeners: [] };

/** By the Sidecar's `NAMESPACE/NAME`; '' for none. */
export const sidecarIngress = step('sidecar ingress', (read, sidecar): SidecarIngress => {
  const [namespace = '', name = ''] = sidecar.split('/');
  const spec =
    sidecar === '' ? undefined : objectOf(read, 'networking.istio.io/Sidecar', namespace, name)?.object.spec;
  if (spec === undefined) return NOTHING;
  const pool = spec.inboundConnectionPool && connectionPool(spec.inboundConnectionPool);
  return {
    listeners: (spec.ingress ?? []).map((listener) => listenerOf(listener, pool)),
    ...defined({ pool }),
  };
});

type IngressSpec = NonNullable<Sidecar['spec']['ingress']>[number];

function listenerOf(spec: IngressSpec, pool: ConnectionPool | undefined): IngressListener {
  const number = spec.port?.number ?? 0;
  const name = spec.port?.name ?? '';
  return {
    number,
    name,
    protocol: protocolOf(spec, name, number),
    bind: spec.bind ?? '',
    socket: spec.captureMode === 'NONE',
    ...defined({
      target: targetOf(spec.defaultEndpoint ?? ''),
      tls: spec.tls && serverTls(spec.tls),
      pool: spec.connectionPool === undefined ? pool : connectionPool(spec.connectionPool),
    }),
  };
}

/** What is within: where the listener says how TLS is ended, HTTPS is HTTP and TLS is bytes. */
function protocolOf(spec: IngressSpec, name: string, number: number): Protocol {
  const protocol = protocolNamed(spec.port?.protocol ?? '') ?? protocolOfPort({ name, number });
  if (spec.tls === undefined) return protocol;
  if (protocol === 'https') return 'http';
  return protocol === 'tls' ? 'tcp' : protocol;
}

/** `127.0.0.1:PORT`, `[::1]:PORT`, `unix:///PATH`; `0.0.0.0:PORT` and `[::]:PORT` stand for the workload's own address. */
function targetOf(endpoint: string): ApplicationPlace | undefined {
  if (endpoint === '') return undefined;
  if (endpoint.startsWith('unix://')) return { path: endpoint.slice('unix://'.length) };
  const colon = endpoint.lastIndexOf(':');
  const address = endpoint.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(endpoint.slice(colon + 1));
  return { address: address === '0.0.0.0' || address === '::' ? '' : address || '127.0.0.1', port };
}
