import { readFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Leaf } from '../wire/identity/keep-leaf.ts';

// The certificate and key of a machine that joined with a one-time token: without them it could not come back after a
// restart. Mode 0600. Who has a token that is renewed on disk keeps nothing: a new key costs nothing.

const LEAF = z.object({
  chainPem: z.string(),
  rootsPem: z.string(),
  privateKeyPem: z.string(),
  receivedAtMs: z.number(),
  notAfterMs: z.number(),
});

/** Where a workload's certificate is kept. */
export interface LeafFile {
  /** Undefined where there is none that can be used. */
  load(): Leaf | undefined;
  save(leaf: Leaf): Promise<void>;
  remove(): Promise<void>;
}

/** The file of a workload in its folder. */
export function leafFile(folder: string, workload: string): LeafFile {
  const path = join(folder, `${workload}.identity`);
  return {
    load() {
      try {
        return LEAF.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        return undefined;
      }
    },
    async save(leaf) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = await open(`${path}.new`, 'w', 0o600);
      await file.writeFile(JSON.stringify(leaf)).finally(() => file.close());
      await rename(`${path}.new`, path);
    },
    remove: () => rm(path, { force: true }),
  };
}
