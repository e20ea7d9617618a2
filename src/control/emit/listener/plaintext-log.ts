import { any, type HttpConnectionManager, type TcpProxy } from '../../../xds/resources.ts';

// Who calls without TLS of the mesh where both are taken: counted by every proxy, so that `weft mtls plan` knows what
// STRICT would break (control/observe reads it). Connections with TLS of the mesh cost nothing of this.

/** Statistics are `weft_plaintext.requests` and `weft_plaintext.connections`, with these tags. */
export const PLAINTEXT_SCOPE = 'weft_plaintext';
export const PORT_TAG = 'port';
export const PEER_TAG = 'peer';

/** Callers that are counted at one filter chain of a proxy; further ones are not. */
export const MAX_PLAINTEXT_CALLERS = 500;

/** The port that callers meant, for connections to ports that no service names. */
export const CALLED_PORT = '%DOWNSTREAM_LOCAL_PORT%';

type Log = NonNullable<HttpConnectionManager['access_log']>[number];

/** Counts requests, when they end. `port`: a number, or {@link CALLED_PORT}. */
export function plaintextRequests(port: string): readonly Log[] {
  return [counting('requests', port)];
}

/** Counts connections, when they begin: those to a database last for days. */
export function plaintextConnections(port: string): Pick<TcpProxy, 'access_log_options'> & {
  readonly access_log: readonly Log[];
} {
  const filter = { log_type_filter: { types: ['TcpUpstreamConnected'] } } as const;
  return {
    access_log_options: { flush_access_log_on_connected: true },
    access_log: [{ ...counting('connections', port), filter }],
  };
}

/** For other logs beside it, which want one entry for each connection, at its end. */
export const AT_THE_END = {
  filter: { log_type_filter: { types: ['TcpUpstreamConnected'], exclude: true } },
} as const;

function counting(name: 'requests' | 'connections', port: string): Log {
  return {
    name: 'envoy.access_loggers.stats',
    typed_config: any('envoy.extensions.access_loggers.stats.v3.Config', {
      // Not shared by name between chains: Envoy 1.40 crashes at its end where a scope is.
      stats_scope: { prefix: PLAINTEXT_SCOPE, max_counters: MAX_PLAINTEXT_CALLERS },
      counters: [
        {
          stat: {
            name,
            tags: [
              { name: PORT_TAG, value_format: port },
              // Of the connection: what headers say of the client does not count.
              { name: PEER_TAG, value_format: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%' },
            ],
          },
          value_fixed: '1',
        },
      ],
    }),
  };
}
