// The command lines of the enclosure. Pure, so that what is run as root can be read and tested in one place.

/**
 * Runs `argv` as a child of process 1 of fresh process, mount and network namespaces (and a user namespace where
 * `rootless`), in which it is root.
 *
 * When our process dies, even by SIGKILL, the kernel kills `unshare` (setpriv's --pdeathsig), with it process 1
 * (--kill-child), with it every process of the enclosure; their namespaces, interfaces and rules go with the last
 * one. Process 1 is a shell and not Node because it must reap orphans, which a shell does while it waits. The
 * shell must not exec its last command, hence the `exit` after it.
 */
export function enclosureArgv(way: 'root' | 'rootless', argv: readonly string[]): string[] {
  const user = way === 'rootless' ? ['--user', '--map-root-user'] : [];
  const unshare = ['unshare', '--kill-child', '--fork', '--pid', '--mount-proc', '--mount', '--net', ...user];
  return [
    'setpriv',
    '--pdeathsig',
    'KILL',
    '--',
    ...unshare,
    '--',
    'sh',
    '-c',
    '"$@"; exit $?',
    'sh',
    ...argv,
  ];
}

/** Where a process of a pod runs. */
export interface PodEntry {
  /** File that the pod's network namespace is bound to. */
  readonly netns: string;
  /** File put in place of /etc/resolv.conf. */
  readonly resolvConf: string;
  readonly hostname: string;
}

/** Runs as that user, and with these capabilities where the files it needs are closed to the user. */
export interface RunAs {
  readonly uid: number;
  /** Lower case without `cap_`: `dac_override`. */
  readonly capabilities: readonly string[];
}

// A missing /etc/resolv.conf or `hostname` is no reason not to start the process.
const ENTER_SCRIPT = `mount --bind "$1" /etc/resolv.conf || :
hostname "$2" 2>/dev/null || :
shift 2
exec "$@"`;

/** Runs `argv` inside a pod. Every step execs the next, so that the process started is `argv`'s own. */
export function podArgv(entry: PodEntry, argv: readonly string[], runAs?: RunAs): string[] {
  const inside = runAs === undefined ? argv : [...setprivArgv(runAs), ...argv];
  return [
    'nsenter',
    `--net=${entry.netns}`,
    '--',
    'unshare',
    '--mount',
    '--uts',
    '--',
    'sh',
    '-c',
    ENTER_SCRIPT,
    'sh',
    entry.resolvConf,
    entry.hostname,
    ...inside,
  ];
}

/** Drops to another user: `setpriv ... --`. */
export function setprivArgv(runAs: RunAs): string[] {
  const caps = runAs.capabilities.map((name) => `+${name}`).join(',');
  const keep = caps === '' ? [] : ['--inh-caps', caps, '--ambient-caps', caps];
  return ['setpriv', '--reuid', `${runAs.uid}`, '--regid', `${runAs.uid}`, '--clear-groups', ...keep, '--'];
}
