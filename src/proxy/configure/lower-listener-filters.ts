/** Listener filters: what is looked at before a filter chain is chosen, and the DNS filter of UDP listeners. */

import type { ListenerFilter, ListenerFilterPredicate } from '../../xds/listener-types.ts';
import type { DnsFilterConfig } from '../../xds/resources.ts';
import type { PortTest, ProxyProtocolRules } from './listener.ts';
import { lowerProxyProtocol } from './lower-proxy-protocol.ts';

const prefix = 'type.googleapis.com/envoy.extensions.filters';

export interface LoweredListenerFilters {
  readonly originalDestination: boolean;
  readonly tls: PortTest | undefined;
  readonly http: PortTest | undefined;
  readonly dns: DnsFilterConfig | undefined;
  readonly proxyProtocol: ProxyProtocolRules | undefined;
}

/** Reads the list in order; the order of inspectors makes no difference to what is found. */
export function lowerListenerFilters(
  filters: readonly ListenerFilter[],
  refuse: (field: string, message: string) => void,
): LoweredListenerFilters {
  let originalDestination = false;
  let tls: PortTest | undefined;
  let http: PortTest | undefined;
  let dns: DnsFilterConfig | undefined;
  let proxyProtocol: ProxyProtocolRules | undefined;
  filters.forEach((filter, i) => {
    const field = `listener_filters[${i}]`;
    const enabled = portTest(filter.filter_disabled, `${field}.filter_disabled`, refuse);
    const type = filter.typed_config?.['@type'] ?? wellKnownType(filter.name);
    if (type === `${prefix}.listener.original_dst.v3.OriginalDst`) originalDestination = true;
    else if (type === `${prefix}.listener.tls_inspector.v3.TlsInspector`) tls = enabled;
    else if (type === `${prefix}.listener.http_inspector.v3.HttpInspector`) http = enabled;
    else if (type === `${prefix}.listener.proxy_protocol.v3.ProxyProtocol`)
      proxyProtocol = lowerProxyProtocol(filter, `${field}.typed_config`, refuse);
    else if (type === `${prefix}.udp.dns_filter.v3.DnsFilterConfig`)
      dns = filter.typed_config as DnsFilterConfig;
    else refuse(`${field}.typed_config`, `${type} is not a listener filter of this proxy`);
  });
  return { originalDestination, tls, http, dns, proxyProtocol };
}

/** Older bootstraps name a filter without its type. */
function wellKnownType(name: string | undefined): string {
  const short = /^envoy\.filters\.listener\.(\w+)$/.exec(name ?? '')?.[1];
  const message = {
    original_dst: 'OriginalDst',
    tls_inspector: 'TlsInspector',
    http_inspector: 'HttpInspector',
    proxy_protocol: 'ProxyProtocol',
  }[short ?? ''];
  return message === undefined ? `'${name ?? ''}'` : `${prefix}.listener.${short}.v3.${message}`;
}

/** filter_disabled (ListenerFilterChainMatchPredicate) turned round: whether the filter runs for a port. */
function portTest(
  disabled: ListenerFilterPredicate | undefined,
  field: string,
  refuse: (field: string, message: string) => void,
): PortTest {
  if (disabled === undefined) return () => true;
  const test = predicate(disabled, field, refuse);
  return (port) => !test(port);
}

function predicate(
  message: ListenerFilterPredicate,
  field: string,
  refuse: (f: string, m: string) => void,
): PortTest {
  const list = (rules: readonly ListenerFilterPredicate[] | undefined): readonly PortTest[] =>
    (rules ?? []).map((rule, i) => predicate(rule, `${field}.rules[${i}]`, refuse));
  if (message.any_match === true) return () => true;
  if (message.or_match !== undefined) {
    const tests = list(message.or_match.rules);
    return (port) => tests.some((test) => test(port));
  }
  if (message.and_match !== undefined) {
    const tests = list(message.and_match.rules);
    return (port) => tests.every((test) => test(port));
  }
  if (message.not_match !== undefined) {
    const test = predicate(message.not_match, field, refuse);
    return (port) => !test(port);
  }
  const range = message.destination_port_range;
  if (range === undefined) refuse(field, 'names no predicate');
  return (port) => port >= (range?.start ?? 0) && port < (range?.end ?? 0);
}
