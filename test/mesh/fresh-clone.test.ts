import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../src/testing/free-port.ts';
import { commandOf, processTree } from './enclosure.ts';
import { eventually } from './eventually.ts';
import { lacks, meshNeeds } from './needs.ts';
import { networkState } from './network-state.ts';
import { root } from './run-mesh.ts';

const users = [
  { who: 'root', uid: 0 },
  { who: 'uid 65534', uid: 65_534 },
];

describe.skipIf(lacks('fresh clone', ...meshNeeds, 'root', 'git')).each(users)(
  'a fresh clone, npm start, as $who',
  ({ who, uid }) => {
    it('installs, builds, serves the page, and leaves nothing after SIGINT', async () => {
      const before = await networkState();
      const home = mkdtempSync(join(tmpdir(), 'weft-newcomer-'));
      const checkout = join(home, 'weft');
      execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, checkout]);
      execFileSync('chown', ['-R', `${uid}:${uid}`, home]);
      const [gatewayPort, dashboardPort] = [await freePort(), await freePort()];
      const started = performance.now();
      const flags = ['--gateway-port', String(gatewayPort), '--dashboard-port', String(dashboardPort)];
      const npm = spawn('npm', ['start', '--', ...flags], {
        cwd: checkout,
        uid,
        gid: uid,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: pathWithoutUs(), HOME: home, npm_config_cache: join(home, '.npm'), LANG: 'C.UTF-8' },
      });
      let output = '';
      npm.stdout.on('data', (chunk) => (output += chunk));
      npm.stderr.on('data', (chunk) => (output += chunk));
      try {
        await eventually(async () => {
          const page = await fetch(`http://127.0.0.1:${gatewayPort}/productpage`);
          expect(await page.text()).toContain('Comedy');
        }, 100_000).catch((error: Error) => {
          throw new Error(`${error.message}\n${output.slice(-3_000)}`);
        });
        const installed = /added \d+ packages in (\S+)/.exec(output)?.[1];
        console.log(
          `${who}: the page ${Math.round(performance.now() - started)} ms after npm start, installation (${installed}) included`,
        );
        await leavesNothing(npm, before);
      } finally {
        npm.kill('SIGKILL');
        rmSync(home, { recursive: true, force: true });
      }
    });
  },
);

/** Ctrl-C reaches every process of the terminal: npm, the start script, weft. */
async function leavesNothing(npm: ChildProcess, before: string): Promise<void> {
  const pids = processTree(npm.pid!);
  for (const pid of pids)
    if (/npm start|start\.mjs|cli\.js up examples/.test(commandOf(pid))) process.kill(pid, 'SIGINT');
  await eventually(async () => {
    expect(pids.map(commandOf).filter((command) => command !== '')).toEqual([]);
    expect(await networkState()).toBe(before);
  });
}

/** The machine's PATH without this checkout: the newcomer has the Node of the machine. */
function pathWithoutUs(): string {
  return (process.env['PATH'] ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':');
}
