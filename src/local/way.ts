// Which way the platform runs workloads here. Probing the machine is machine.ts; deciding is this pure function.

/**
 * - `root`: network namespaces made by root; the proxy is exempt from interception by its uid.
 * - `rootless`: the same inside a user namespace; only one uid exists there, so the proxy is exempt by its source address.
 * - `shared`: no namespaces; workloads share 127.0.0.1 with explicit ports and find their proxy by HTTP_PROXY.
 */
export type Way = 'root' | 'rootless' | 'shared';

export const WAYS: readonly Way[] = ['root', 'rootless', 'shared'];

/** What came of trying to build a small enclosure (namespaces, bridge, veth, NAT rule): '' when it works, else why not. */
export type Trial = string;

/** What was found on this machine. */
export interface Machine {
  /** As `process.platform`. */
  readonly os: string;
  readonly uid: number;
  /** Commands of {@link COMMANDS} that are not on PATH. */
  readonly missing: readonly string[];
  /** Undefined where it was not tried (not root, not Linux, commands missing). */
  readonly rootTrial?: Trial;
  readonly userTrial?: Trial;
}

/** The commands an enclosure needs and the Debian/Ubuntu/Fedora package each comes from. */
export const COMMANDS: Readonly<Record<string, string>> = {
  setpriv: 'util-linux',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  mount: 'util-linux',
  ip: 'iproute2',
  nft: 'nftables',
};

/** A way with the sentence to print, or why the way asked for cannot be had. */
export type WayChoice =
  | { readonly way: Way; readonly sentence: string }
  | { readonly way?: never; readonly refusal: string };

/** Picks the best way this machine allows, or checks the one asked for. */
export function chooseWay(machine: Machine, asked?: Way): WayChoice {
  const obstacles = { root: obstacleToRoot(machine), rootless: obstacleToRootless(machine), shared: '' };
  if (asked !== undefined) {
    const obstacle = obstacles[asked];
    if (obstacle !== '') return { refusal: `--platform ${asked} cannot work here: ${obstacle}` };
    return { way: asked, sentence: `${DESCRIPTION[asked]} (asked for by --platform ${asked}).` };
  }
  if (obstacles.root === '') return { way: 'root', sentence: `${DESCRIPTION.root}.` };
  if (obstacles.rootless === '') return { way: 'rootless', sentence: `${DESCRIPTION.rootless}.` };
  return { way: 'shared', sentence: `${DESCRIPTION.shared}, because ${obstacles.rootless}` };
}

const DESCRIPTION: Readonly<Record<Way, string>> = {
  root: 'Each workload gets a network namespace of its own with transparent interception, made as root',
  rootless:
    'Each workload gets a network namespace of its own with transparent interception, made without root in a user namespace',
  shared: 'Workloads share the network of this machine with explicit ports (no transparent interception)',
};

function obstacleToRoot(machine: Machine): string {
  const general = obstacleToAny(machine);
  if (general !== '') return general;
  if (machine.uid !== 0)
    return `it needs root, and this is uid ${machine.uid}. Without root, use --platform rootless.`;
  if (machine.rootTrial === '') return '';
  return `root may not make namespaces here (${machine.rootTrial ?? 'not tried'}). In a container, start it with CAP_SYS_ADMIN and CAP_NET_ADMIN.`;
}

function obstacleToRootless(machine: Machine): string {
  const general = obstacleToAny(machine);
  if (general !== '') return general;
  if (machine.userTrial === '') return '';
  return (
    `user namespaces do not work here (${machine.userTrial ?? 'not tried'}). To have them: run as root, or allow them ` +
    '(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000, ' +
    'on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0).'
  );
}

function obstacleToAny(machine: Machine): string {
  if (machine.os !== 'linux') return `network namespaces exist only on Linux, and this is ${machine.os}.`;
  if (machine.missing.length === 0) return '';
  const packages = [...new Set(machine.missing.map((command) => COMMANDS[command] ?? command))];
  const verb = machine.missing.length === 1 ? 'is' : 'are';
  return `${machine.missing.join(', ')} ${verb} not installed. To have it: apt-get install ${packages.join(' ')} (or your system's packages of these names).`;
}
