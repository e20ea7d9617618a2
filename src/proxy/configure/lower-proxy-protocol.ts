/** The listener filter extensions.filters.listener.proxy_protocol.v3.ProxyProtocol. */
import type { ListenerFilter, ProxyProtocol } from '../../xds/listener-types.ts';
import { refuseRest } from './data-source.ts';
import type { ProxyProtocolRules } from './listener.ts';

/** Envoy's, where a rule names none. */
const defaultNamespace = 'envoy.filters.listener.proxy_protocol';

interface Target {
  readonly namespace: string;
  readonly key: string;
}

export function lowerProxyProtocol(
  filter: ListenerFilter,
  field: string,
  refuse: (field: string, message: string) => void,
): ProxyProtocolRules {
  if (filter.filter_disabled !== undefined)
    refuse(`${field}.filter_disabled`, 'cannot be told before the header is read');
  const config = (filter.typed_config ?? {}) as ProxyProtocol;
  const { rules = [], allow_requests_without_proxy_protocol, pass_through_tlvs, ...rest } = config;
  refuseRest(rest, field, refuse);
  if (pass_through_tlvs !== undefined) refuse(`${field}.pass_through_tlvs`, 'is not supported by this proxy');
  const targets = new Map<number, Target>();
  for (const [i, { tlv_type = 0, on_tlv_present }] of rules.entries()) {
    if (on_tlv_present === undefined) continue;
    const { metadata_namespace, key } = on_tlv_present;
    if (key === undefined || key === '') refuse(`${field}.rules[${i}].on_tlv_present.key`, 'is missing');
    if (tlv_type > 255) refuse(`${field}.rules[${i}].tlv_type`, 'is a byte');
    targets.set(tlv_type, { namespace: metadata_namespace || defaultNamespace, key: key ?? '' });
  }
  return {
    optional: allow_requests_without_proxy_protocol === true,
    metadataOf(fields) {
      const metadata: Record<string, Record<string, string>> = {};
      for (const { type, value } of fields) {
        const target = targets.get(type);
        if (target === undefined) continue;
        metadata[target.namespace] = {
          ...metadata[target.namespace],
          [target.key]: Buffer.from(value).toString('utf8'),
        };
      }
      return Object.keys(metadata).length === 0 ? undefined : metadata;
    },
  };
}
