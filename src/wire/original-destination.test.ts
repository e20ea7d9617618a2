import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { originalDestination, originalDestinationProblem } from './original-destination.ts';

const isRoot = process.getuid?.() === 0;
const unshare = isRoot ? ['--net'] : ['--user', '--map-root-user', '--net'];
const problem = whyNotHere();

/** Why no namespace with redirection can be made on this machine, '' when it can. */
function whyNotHere(): string {
  const attempt = spawnSync('unshare', [...unshare, 'nft', 'add table inet weft_check'], {
    encoding: 'utf8',
  });
  if (attempt.error !== undefined) return attempt.error.message;
  return attempt.status === 0 ? '' : attempt.stderr.trim() || `unshare and nft ended with ${attempt.status}`;
}

if (problem !== '') {
  console.log(`original destination: no network namespace with nftables here (${problem}); skipped.`);
  if (process.env['WEFT_REQUIRE_REAL_PARTS'] === '1') throw new Error(problem);
}

describe('the original destination', () => {
  it.skipIf(problem !== '')('of a redirected connection is what the client dialled, by IPv4 and IPv6', () => {
    const probe = fileURLToPath(new URL('original-destination.probe.ts', import.meta.url));
    const run = spawnSync('unshare', [...unshare, process.execPath, probe], {
      encoding: 'utf8',
      timeout: 15_000,
    });
    expect(run.stderr).toBe('');
    const { problem: reason, seen } = JSON.parse(run.stdout) as { problem: string; seen: unknown[] };
    expect(reason).toBe('');
    expect(seen.slice(0, 2)).toEqual([
      { address: '10.9.9.9', port: 80 },
      { address: 'fd00::9', port: 8080 },
    ]);
    // Not redirected: the kernel names the end it was dialled at, or knows nothing.
    expect([{ address: '127.0.0.1', port: 15001 }, null]).toContainEqual(seen[2]);
  });

  it('is unknown for what is no socket', () => {
    expect(originalDestination({ fd: -1, localAddress: '127.0.0.1' })).toBeUndefined();
    expect(originalDestination({ fd: 0, localAddress: '::1' })).toBeUndefined();
  });

  it('has no problem on Linux', () => {
    expect(originalDestinationProblem() === '').toBe(process.platform === 'linux');
  });
});
