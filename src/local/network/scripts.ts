import {
  APP_SOURCE_ADDRESS,
  BRIDGE,
  BRIDGE_MAC,
  DNS_ADDRESS,
  macOf,
  PLATFORM_ADDRESS,
  PROBE_ADDRESS,
} from './plan.ts';

// The shell scripts that build the network. Pure; run by namespaces.ts. One `ip -batch` and one `nft -f` for each
// pod, and no neighbour discovery, so that a pod's network takes some 20 ms.
//
// Pods have /32 addresses and reach everything through the platform's router: packets to cluster IPs and their
// answers pass the same place, where the platform's NAT (services.ts) can see both.

/**
 * Where the module br_netfilter is loaded (Docker does that) NAT would act within the bridge too, and a pod that calls
 * itself by a Service would be sent back to the port it came from, which a bridge refuses. So that is turned off.
 *
 * The enclosure's own network, run once in its first network namespace. Named namespaces are files in
 * `netnsFolder`, on a file system that only the enclosure sees, so that nothing of them stays behind.
 */
export function enclosureScript(netnsFolder: string): string {
  return `mount -t tmpfs -o mode=0755,size=1m tmpfs ${quote(netnsFolder)}
ip -batch - <<'IP'
link set lo up
link add ${BRIDGE} address ${BRIDGE_MAC} type bridge
addr add ${PLATFORM_ADDRESS}/16 dev ${BRIDGE}
addr add ${DNS_ADDRESS}/32 dev ${BRIDGE}
addr add ${PROBE_ADDRESS}/32 dev ${BRIDGE}
link set ${BRIDGE} up
IP
echo 1 > /proc/sys/net/ipv4/ip_forward
for name in all ${BRIDGE}; do
  echo 0 > /proc/sys/net/ipv4/conf/$name/send_redirects
  echo 0 > /proc/sys/net/ipv4/conf/$name/rp_filter
done
bridge_nat=/proc/sys/net/bridge/bridge-nf-call-iptables
if [ -e $bridge_nat ]; then echo 0 > $bridge_nat; fi
`;
}

/** What a pod's network is made of. */
export interface PodNetwork {
  /** IPv4. */
  readonly address: string;
  /** More of them, which only this pod has. */
  readonly moreAddresses: readonly string[];
  /** The file its namespace is bound to. */
  readonly netns: string;
  /** Text for `nft -f`, '' for a pod without interception. */
  readonly rules: string;
  /** Whether the application's connections start from another address than the proxy's (rootless). */
  readonly appSource: boolean;
}

/** Makes a pod's namespace with eth0 on the bridge. `$1` is {@link podInsideScript}. */
export function podScript(pod: PodNetwork): string {
  const veth = vethOf(pod.address);
  return `touch ${quote(pod.netns)}
unshare --net=${quote(pod.netns)} true
ip -batch - <<'IP'
link add ${veth} type veth peer name eth0 address ${macOf(pod.address)} netns ${pod.netns}
link set ${veth} master ${BRIDGE} up
neigh add ${pod.address} lladdr ${macOf(pod.address)} dev ${BRIDGE} nud permanent
${waysTo(pod)}IP
nsenter --net=${quote(pod.netns)} sh -ec "$1"
`;
}

/** How the bridge reaches a pod's other addresses. */
function waysTo({ address, moreAddresses }: PodNetwork): string {
  return moreAddresses
    .map(
      (more) =>
        `route replace ${more}/32 dev ${BRIDGE}\nneigh replace ${more} lladdr ${macOf(address)} dev ${BRIDGE} nud permanent\n`,
    )
    .join('');
}

/** The part of {@link podScript} that runs in the pod's namespace. */
export function podInsideScript(pod: PodNetwork): string {
  const source = pod.appSource ? ` src ${APP_SOURCE_ADDRESS}` : '';
  // A connection to the pod's own address would start from that address; the table "local" decides that.
  const appSource = pod.appSource
    ? `addr add ${APP_SOURCE_ADDRESS}/32 dev lo
route replace local ${pod.address} dev eth0 table local proto kernel scope host${source}
`
    : '';
  const rules = pod.rules === '' ? '' : `nft -f - <<'RULES'\n${pod.rules}\nRULES\n`;
  return `ip -batch - <<'IP'
link set lo up
link set eth0 up
addr add ${pod.address}/32 dev eth0
${pod.moreAddresses.map((more) => `addr add ${more}/32 dev eth0\n`).join('')}neigh add ${PLATFORM_ADDRESS} lladdr ${BRIDGE_MAC} dev eth0 nud permanent
${appSource}route add ${PLATFORM_ADDRESS} dev eth0${source}
route add default via ${PLATFORM_ADDRESS} dev eth0${source}
IP
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
if [ -e /proc/sys/net/ipv6/conf/eth0 ]; then echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6; fi
${rules}`;
}

/** Takes a pod's network away; processes still in it lose their interface at once. */
export function removePodScript(pod: Pick<PodNetwork, 'address' | 'netns' | 'moreAddresses'>): string {
  const ways = pod.moreAddresses.map(
    (more) => `ip route del ${more}/32 dev ${BRIDGE} || :\nip neigh del ${more} dev ${BRIDGE} || :\n`,
  );
  return `ip link del ${vethOf(pod.address)} || :
ip neigh del ${pod.address} dev ${BRIDGE} || :
${ways.join('')}umount ${quote(pod.netns)} || :
rm -f ${quote(pod.netns)}
`;
}

/** resolv.conf of a process in a pod of this namespace, as kubelet writes it. */
export function resolvConf(nameserver: string, namespace: string): string {
  const search = `${namespace}.svc.cluster.local svc.cluster.local cluster.local`;
  return `nameserver ${nameserver}\nsearch ${search}\noptions ndots:5\n`;
}

/** The bridge's end of a pod's cable; unique, and within the 15 characters an interface name may have. */
function vethOf(address: string): string {
  const [, , high = '', low = ''] = address.split('.');
  return `pod${high}.${low}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
