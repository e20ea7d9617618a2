import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a test needs of the machine. Programs by name; `root` is uid 0. */
export type Need = 'linux' | 'root' | 'nft' | 'ip' | 'tcpdump' | 'nsenter' | 'git';

/** What every test of a mesh in namespaces needs. */
export const meshNeeds: readonly Need[] = ['linux', 'nft', 'ip'];

/**
 * Whether a suite must be skipped because the machine lacks something; prints why. With WEFT_REQUIRE_REAL_PARTS, as in
 * CI, a missing part is an error instead.
 */
export function lacks(suite: string, ...needs: readonly Need[]): boolean {
  const missing = needs.filter((need) => !has(need));
  if (missing.length === 0) return false;
  const reason = `${suite}: skipped, this needs ${missing.join(', ')}`;
  if (process.env['WEFT_REQUIRE_REAL_PARTS'] !== undefined) throw new Error(reason);
  console.log(reason);
  return true;
}

function has(need: Need): boolean {
  if (need === 'linux') return process.platform === 'linux';
  if (need === 'root') return process.getuid?.() === 0;
  const folders = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => existsSync(join(folder, need)));
}
