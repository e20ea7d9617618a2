import type { InterceptionOptions } from './interception-options.ts';
import {
  APP_SOURCE_ADDRESS,
  INBOUND_SOURCE_ADDRESS,
  PLATFORM_ADDRESS,
  POD_NETWORK,
  PORTS,
  PROBE_ADDRESS,
  PROXY_UID,
} from './plan.ts';

// The nftables rules of one pod: what istio-iptables does with iptables. Pure; nft checks them when they are loaded.
//
// NAT rules see the first packet of a connection, so "to 15006" below is about who opened it. The interesting
// cases, in the order of the output chain:
//   - to loopback, or from 127.0.0.6 (the proxy handing a request to its application): never touched;
//   - to the pod's own address by the proxy: the pod calls a Service that it backs itself. The proxy speaks mutual
//     TLS there, so this must arrive at the proxy's inbound side;
//   - to the pod's own address by the application: it wants itself, untouched;
//   - by the proxy to anywhere else, or by anybody to the platform: untouched;
//   - to statistics and health of other pods' proxies: untouched. The proxy here listens on these ports at every
//     address, and would answer in their place;
//   - DNS to the proxy's DNS, all other TCP to its outbound side.

/** Which packets are the proxy's: by user where there are users, else by source address (see network/plan.ts). */
export type ProxyMark = 'uid' | 'source';

/** Ports of the proxy itself that are reached from outside. 15000 (admin) listens on loopback only. */
const PROXY_PORTS = [PORTS.mergedMetrics, PORTS.health, PORTS.metrics];

const PODS = `${POD_NETWORK.base.join('.')}.0.0/${POD_NETWORK.prefixLength}`;

/** The ruleset of a pod at `podAddress` whose interface is eth0, for `nft -f`. Replaces what was there. */
export function interceptionRules(podAddress: string, mark: ProxyMark, options: InterceptionOptions): string {
  const own = mark === 'uid' ? `meta skuid ${PROXY_UID}` : `ip saddr ${podAddress}`;
  return [
    'table ip weft {}',
    'delete table ip weft',
    'table ip weft {',
    ...chain('output', 'type nat hook output priority -100', outputRules(podAddress, own, options)),
    ...chain('prerouting', 'type nat hook prerouting priority -100', inboundRules(options)),
    ...chain('postrouting', 'type nat hook postrouting priority 100', sourceRules(podAddress, mark)),
    '}',
    '',
  ].join('\n');
}

function outputRules(podAddress: string, own: string, options: InterceptionOptions): string[] {
  const inbound = options.includeInboundPorts;
  const direct = [...PROXY_PORTS, ...options.excludeInboundPorts];
  return [
    'ip daddr 127.0.0.0/8 accept',
    `ip saddr ${INBOUND_SOURCE_ADDRESS} accept`,
    `oifname "lo" ip daddr ${podAddress} ${own} tcp dport ${set(direct)} accept`,
    ...(inbound === '*' || inbound.length > 0
      ? [`oifname "lo" ip daddr ${podAddress} ${own} ${tcp(inbound)} redirect to :${PORTS.inbound}`]
      : []),
    'oifname "lo" accept',
    `${own} accept`,
    `ip daddr ${PLATFORM_ADDRESS} accept`,
    `udp dport 53 redirect to :${PORTS.dns}`,
    `tcp dport 53 redirect to :${PORTS.dns}`,
    `ip daddr ${PODS} tcp dport ${set(PROXY_PORTS)} accept`,
    ...outboundRules(options),
  ];
}

function outboundRules(options: InterceptionOptions): string[] {
  const { excludeOutboundPorts, excludeOutboundRanges, includeOutboundPorts, includeOutboundRanges } =
    options;
  const rules: string[] = [];
  const toProxy = `redirect to :${PORTS.outbound}`;
  if (excludeOutboundPorts.length > 0) rules.push(`tcp dport ${set(excludeOutboundPorts)} accept`);
  for (const range of excludeOutboundRanges) rules.push(`ip daddr ${range} accept`);
  if (includeOutboundPorts === '*' || includeOutboundPorts.length > 0)
    rules.push(`${tcp(includeOutboundPorts)} ${toProxy}`);
  if (includeOutboundRanges === '*') rules.push(`meta l4proto tcp ${toProxy}`);
  else for (const range of includeOutboundRanges) rules.push(`ip daddr ${range} meta l4proto tcp ${toProxy}`);
  return rules;
}

function inboundRules(options: InterceptionOptions): string[] {
  const direct = [...PROXY_PORTS, ...options.excludeInboundPorts];
  const rules = [
    'iifname != "eth0" accept',
    `ip saddr ${PROBE_ADDRESS} accept`,
    `tcp dport ${set(direct)} accept`,
  ];
  if (options.includeInboundPorts !== '*' && options.includeInboundPorts.length === 0) return rules;
  return [...rules, `${tcp(options.includeInboundPorts)} redirect to :${PORTS.inbound}`];
}

function sourceRules(podAddress: string, mark: ProxyMark): string[] {
  if (mark === 'uid') return [];
  return [`oifname "eth0" ip saddr ${APP_SOURCE_ADDRESS} snat to ${podAddress}`];
}

function chain(name: string, hook: string, rules: readonly string[]): string[] {
  if (rules.length === 0) return [];
  return [`  chain ${name} {`, `    ${hook}; policy accept;`, ...rules.map((rule) => `    ${rule}`), '  }'];
}

function tcp(ports: '*' | readonly number[]): string {
  return ports === '*' ? 'meta l4proto tcp' : `tcp dport ${set(ports)}`;
}

function set(ports: readonly number[]): string {
  return `{ ${[...new Set(ports)].join(', ')} }`;
}
