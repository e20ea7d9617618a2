import { formatProtoDuration } from '../../../lib/duration.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import { any, type Listener } from '../../../xds/resources.ts';

/** How long clients are waited for before a connection is passed on as bytes. */
export function sniffingTimeout({
  sniffingTimeoutMs,
}: MeshSettings): Pick<Listener, 'listener_filters_timeout' | 'continue_on_listener_filters_timeout'> {
  return {
    listener_filters_timeout: formatProtoDuration(sniffingTimeoutMs),
    continue_on_listener_filters_timeout: true,
  };
}

type ListenerFilter = NonNullable<Listener['listener_filters']>[number];
type Predicate = NonNullable<ListenerFilter['filter_disabled']>;

/** Ports at which a filter does not run. */
export type ExceptPorts = readonly number[];

/** Finds out where an intercepted connection was meant to go. */
export const originalDestination: ListenerFilter = {
  name: 'envoy.filters.listener.original_dst',
  typed_config: any('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
};

/** Takes the PROXY protocol's header off a connection, which says who really calls. Who sends none is cut off. */
export const proxyProtocol: ListenerFilter = {
  name: 'envoy.filters.listener.proxy_protocol',
  typed_config: any('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', {}),
};

/** Tells TLS by its first bytes, with its server name and protocols. Waits for the client: not where the server speaks first. */
export function tlsInspector(except: ExceptPorts = []): ListenerFilter {
  return {
    name: 'envoy.filters.listener.tls_inspector',
    typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
    ...disabledAt(except),
  };
}

/** Tells plain HTTP by its first bytes. Waits for the client, too. */
export function httpInspector(except: ExceptPorts = []): ListenerFilter {
  return {
    name: 'envoy.filters.listener.http_inspector',
    typed_config: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
    ...disabledAt(except),
  };
}

/** A predicate over several ports needs at least two of them. */
function disabledAt(ports: ExceptPorts): Pick<ListenerFilter, 'filter_disabled'> {
  const rules = ports.map((port): Predicate => ({ destination_port_range: { start: port, end: port + 1 } }));
  const [only] = rules;
  if (only === undefined) return {};
  return { filter_disabled: rules.length === 1 ? only : { or_match: { rules } } };
}
