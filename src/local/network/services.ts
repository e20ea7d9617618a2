// What kube-proxy does: connections to a cluster IP from where no proxy intercepts (pods outside the mesh, the
// platform itself) go to a random ready endpoint. Pure: all Services -> one nftables table of the enclosure.

/** Rules for no more endpoints than these per port; a random choice among this many is as good as among all. */
export const MAX_ENDPOINTS_PER_PORT = 256;

export interface ServicePortRule {
  /** The Service's IPv4 address. */
  readonly clusterIp: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** Ready endpoints. */
  readonly targets: readonly { readonly address: string; readonly port: number }[];
}

/** The whole table, for `nft -f`; replaces the former in one step. */
export function serviceRules(ports: readonly ServicePortRule[]): string {
  const rules = ports.filter((port) => port.targets.length > 0).map((port) => `    ${ruleOf(port)}`);
  const pods = [...new Set(ports.flatMap((port) => port.targets.map((target) => target.address)))];
  return `table ip weft-services {}
delete table ip weft-services
table ip weft-services {
  chain services {
${rules.join('\n')}
  }
  chain prerouting { type nat hook prerouting priority -100; jump services; }
  chain output { type nat hook output priority -100; jump services; }
  chain postrouting {
    type nat hook postrouting priority 100;
${hairpin(pods)}
  }
}
`;
}

/** A pod that is led to itself must not see a packet from its own address come in: the platform's stands for it. */
function hairpin(pods: readonly string[]): string {
  if (pods.length === 0) return '';
  return `    ip saddr . ip daddr { ${pods.map((pod) => `${pod} . ${pod}`).join(', ')} } masquerade`;
}

function ruleOf(rule: ServicePortRule): string {
  const targets = rule.targets.slice(0, MAX_ENDPOINTS_PER_PORT);
  const match = `ip daddr ${rule.clusterIp} ${rule.protocol} dport ${rule.port}`;
  const only = targets[0];
  if (targets.length === 1 && only !== undefined) return `${match} dnat to ${only.address}:${only.port}`;
  const map = targets.map((target, i) => `${i} : ${target.address} . ${target.port}`).join(', ');
  return `${match} dnat ip addr . port to numgen random mod ${targets.length} map { ${map} }`;
}
