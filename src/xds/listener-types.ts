/** Short names of the messages inside listeners. */
import type * as gen from './gen/types.ts';

export type ListenerFilter = gen.config_listener_v3_ListenerFilter;
export type ListenerFilterPredicate = gen.config_listener_v3_ListenerFilterChainMatchPredicate;
export type ProxyProtocol = gen.extensions_filters_listener_proxy_protocol_v3_ProxyProtocol;
export type DnsVirtualDomain = gen.data_dns_v3_DnsTable_DnsVirtualDomain;
