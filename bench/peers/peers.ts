import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvoy } from '../../src/local/envoy-binary.ts';
import { nodeFlags } from '../../src/proxy/node-flags.ts';
import { envoyBootstrap } from './envoy-bootstrap.ts';
import { haproxyConfig } from './haproxy-config.ts';
import type { CertificateFiles, Hop } from './hop.ts';
import { nginxConfig } from './nginx-config.ts';

/** A proxy that takes part. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Writes the configuration into the folder (made if need be); what starts the proxy with it. */
  command(hop: Hop, files: CertificateFiles, folder: string): readonly string[];
}

export const PEER_NAMES = ['weft', 'envoy', 'haproxy', 'nginx'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Which proxy of weft takes part, and how it is watched. */
export interface WeftOptions {
  /** The program; undefined: dist/proxy.js. */
  readonly file: string | undefined;
  /** Folder of V8's CPU profiles; undefined: none are made. */
  readonly profile: string | undefined;
}

/** The peers of this machine among `names`; the others with the reason of their absence. */
export function findPeers(
  names: readonly PeerName[],
  env: NodeJS.ProcessEnv,
  weft: WeftOptions,
): { readonly found: readonly Peer[]; readonly missing: ReadonlyMap<string, string> } {
  const find: Readonly<Record<PeerName, () => Peer | undefined>> = {
    weft: () => weftPeer(weft),
    envoy: () => envoyPeer(env),
    haproxy: () => haproxyPeer(env),
    nginx: () => nginxPeer(env),
  };
  const found: Peer[] = [];
  const missing = new Map<string, string>();
  for (const name of names) {
    const peer = find[name]();
    if (peer === undefined) missing.set(name, 'is not installed');
    else found.push(peer);
  }
  return { found, missing };
}

function weftPeer({ file = join(root, 'dist', 'proxy.js'), profile }: WeftOptions): Peer {
  if (!existsSync(file)) throw new Error(`${file} is missing: run "npm run build" first`);
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  return {
    name: 'weft',
    version: `Node ${process.version}`,
    command: (hop, files, folder) => [
      process.execPath,
      ...nodeFlags,
      ...profiling,
      file,
      '--config-path',
      write(folder, 'bootstrap.json', JSON.stringify(envoyBootstrap(hop, files, folder))),
      '--drain-time-s=0',
      '--log-level=error',
    ],
  };
}

/** A Node that only listens: the part of weft's start that is not weft's. */
export const nodeAlone: Peer = {
  name: '(Node alone)',
  version: process.version,
  command: (hop) => [
    process.execPath,
    ...nodeFlags,
    '--input-type=module',
    '--eval',
    `import { createServer } from 'node:net'; createServer().listen(${hop.listenPort}, '127.0.0.1');`,
  ],
};

function envoyPeer(env: NodeJS.ProcessEnv): Peer | undefined {
  const named = env['WEFT_ENVOY'];
  const binary = findEnvoy({
    ...(named && { file: named }),
    path: env['PATH'] ?? '',
    caches: [join(root, '.weft')],
  });
  if (binary === undefined) return undefined;
  const flags = ['--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
  return {
    name: 'envoy',
    version: /\/(\d[^/]+)\//.exec(versionText(binary, '--version'))?.[1] ?? '',
    command: (hop, files, folder) => [
      binary,
      '-c',
      write(folder, 'bootstrap.json', JSON.stringify(envoyBootstrap(hop, files, folder))),
      ...flags,
    ],
  };
}

function haproxyPeer(env: NodeJS.ProcessEnv): Peer | undefined {
  const binary = onPath('haproxy', env);
  if (binary === undefined) return undefined;
  return {
    name: 'haproxy',
    version: /version (\S+)/.exec(versionText(binary, '-v'))?.[1] ?? '',
    command: (hop, files, folder) => [
      binary,
      '-db',
      '-f',
      write(folder, 'haproxy.cfg', haproxyConfig(hop, files)),
    ],
  };
}

function nginxPeer(env: NodeJS.ProcessEnv): Peer | undefined {
  const binary = onPath('nginx', env);
  if (binary === undefined) return undefined;
  return {
    name: 'nginx',
    version: /nginx\/(\S+)/.exec(versionText('sh', '-c', '"$0" -v 2>&1', binary))?.[1] ?? '',
    command: (hop, files, folder) => [
      binary,
      '-p',
      folder,
      '-e',
      'stderr',
      '-c',
      write(folder, 'nginx.conf', nginxConfig(hop, files, folder)),
    ],
  };
}

function write(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function versionText(binary: string, ...args: readonly string[]): string {
  return execFileSync(binary, args, { encoding: 'utf8', timeout: 10_000 });
}

/** Daemons often lie where the PATH of users does not lead. */
function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
