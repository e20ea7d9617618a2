import { hostPort } from '../../../../lib/host-port.ts';
import type { Connection } from '../../../../wire/connection.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Downstream } from '../../../runtime.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { HttpTunnel, TunnelEnd, TunnelFailure } from './http-tunnel.ts';

// The two ways to an endpoint: a connection of its own, or a stream of one that others use too.

/** The upstream's side of a client's connection. */
export interface Reached {
  readonly end: TunnelEnd;
  /** `10.0.0.1:1234` of our end. */
  readonly localText: string;
  /** Who the endpoint proved to be, '' for nobody. */
  readonly principal: string;
  /** Its close was reported. */
  closed(): void;
  /** The client went while it was made: nobody handles it yet. */
  abandon(): void;
}

/** A connection for this client alone. */
export async function dial(endpoint: Endpoint, downstream: Downstream): Promise<Reached | TunnelFailure> {
  const proxied = { source: downstream.remote, destination: downstream.local };
  const result = await endpoint.connect({ proxied });
  if (!result.ok) return { message: result.error.message, flags: FLAG.upstreamConnectionFailure };
  const upstream = result.value;
  return {
    end: upstream,
    localText: hostPort(upstream.localAddress, upstream.localPort),
    principal: upstream.tls?.peer.uris[0] ?? '',
    closed: () => endpoint.connectionClosed(),
    abandon: () => abandon(upstream, endpoint),
  };
}

/** A tunnel inside of HTTP; its connection is the pool's, and counted there. */
export async function openTunnel(tunnel: HttpTunnel): Promise<Reached | TunnelFailure> {
  const failure = await tunnel.open();
  if (failure !== undefined) return failure;
  return {
    end: tunnel,
    localText: tunnel.localText,
    principal: tunnel.principal,
    closed: () => {},
    abandon: () => tunnel.destroy(),
  };
}

function abandon(connection: Connection, endpoint: Endpoint): void {
  connection.handle({ onData() {}, onEnd() {}, onDrain() {}, onClose: () => endpoint.connectionClosed() });
  connection.destroy();
}
