import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enclosurePid } from './enclosure.ts';
import type { Mesh } from './run-mesh.ts';

/** The raw bytes of every packet on the mesh's bridge that `filter` (pcap-filter(7)) names, while `during` runs. Needs root. */
export async function capture(mesh: Mesh, filter: string, during: () => Promise<void>): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-capture-'));
  const file = join(folder, 'packets.pcap');
  const args = [
    '-t',
    String(enclosurePid(mesh)),
    '-n',
    'tcpdump',
    '-i',
    'any',
    '-U',
    '-w',
    file,
    ...filter.split(' '),
  ];
  const tcpdump = spawn('nsenter', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    let text = '';
    tcpdump.stderr.on('data', (chunk) => {
      text += chunk;
      if (text.includes('listening on')) resolve();
    });
    tcpdump.once('exit', (code) => reject(new Error(`tcpdump ended with ${code}: ${text}`)));
    tcpdump.once('error', reject);
  });
  try {
    await during();
    await new Promise((resolve) => setTimeout(resolve, 300));
  } finally {
    const ended = new Promise((resolve) => tcpdump.once('exit', resolve));
    tcpdump.kill('SIGINT');
    await ended;
  }
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true, force: true });
  return bytes;
}
