import { readOwnProxyConfig } from '../../api/istio/proxy-config-annotation.ts';

/** Of a Pod's own configuration of its proxy what the control plane delivers, as JSON; '' for nothing. */
export function deliveredConfig(text: string | undefined): string {
  const { config } = text === undefined ? {} : readOwnProxyConfig(text);
  if (config === undefined) return '';
  const { gatewayTopology, proxyHeaders, connectionSettings } = config;
  const own = JSON.stringify({ gatewayTopology, proxyHeaders, connectionSettings });
  return own === '{}' ? '' : own;
}
