import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { enclosureArgv } from './enclosure/argv.ts';
import { isOnPath } from './on-path.ts';
import { COMMANDS, type Machine, type Trial } from './way.ts';

// Asks the machine what it allows, by building a small enclosure for real: rights are granted and denied in too
// many places (sysctls, AppArmor, seccomp, capabilities, missing kernel modules) to be read off.

/** A trial that has not answered by then counts as not working. */
const TRIAL_TIMEOUT_MS = 10_000;

/** Makes what an enclosure is made of; each line is one thing that a machine may refuse. */
const TRIAL_SCRIPT = `set -e
ip link set lo up
ip link add weft0 type bridge
ip link add weft1 type veth peer name weft2
mount -t tmpfs tmpfs /tmp
unshare --net true
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f - <<'RULES'
table ip weft {
  chain output { type nat hook output priority -100; tcp dport 1 redirect to :15001; }
}
RULES
`;

/** PATH with the folders of `ip` and `nft`, which users other than root often lack. */
export function pathWithSbin(path: string | undefined): string {
  const folders = (path ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter);
  for (const folder of ['/usr/sbin', '/sbin']) if (!folders.includes(folder)) folders.push(folder);
  return folders.join(delimiter);
}

/** Looks at this machine. `path` is a PATH; takes some 100 ms on Linux, nothing elsewhere. */
export async function probeMachine(path: string): Promise<Machine> {
  const os = process.platform;
  const uid = process.getuid?.() ?? -1;
  const missing = os === 'linux' ? Object.keys(COMMANDS).filter((command) => !isOnPath(command, path)) : [];
  if (os !== 'linux' || missing.length > 0) return { os, uid, missing };
  if (uid !== 0) return { os, uid, missing, userTrial: await tryEnclosure('rootless', path) };
  const rootTrial = await tryEnclosure('root', path);
  return { os, uid, missing, rootTrial, userTrial: await tryEnclosure('rootless', path) };
}

function tryEnclosure(way: 'root' | 'rootless', path: string): Promise<Trial> {
  const [command = '', ...rest] = enclosureArgv(way, ['sh', '-c', TRIAL_SCRIPT]);
  return new Promise((resolve) => {
    const child = spawn(command, rest, { env: { PATH: path }, stdio: ['ignore', 'ignore', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), TRIAL_TIMEOUT_MS);
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < 1000) complaint += text;
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve('');
      else resolve(complaint.trim().split('\n')[0] || `a trial ended with ${signal ?? `code ${code}`}`);
    });
  });
}
