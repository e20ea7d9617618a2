import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaError } from '../ca-error.ts';
import { REQUEST_FILE, rotationStore } from './store.ts';

/**
 * Asks the CA of a folder for a new root; the CA sees it within a second. Who may write the folder may ask. Rejects with
 * CaError where that CA cannot be rotated so, or is being rotated.
 */
export async function requestRotation(keyDir: string): Promise<void> {
  const state = await rotationStore(keyDir).readState();
  if (state === undefined) throw new CaError('ca_files_incomplete', `${keyDir} holds no CA that has served`);
  if (state.origin !== 'own') {
    throw new CaError(
      'ca_not_ours',
      'the CA is yours: replace its files (cacerts) by those of the next one, and the rotation begins',
    );
  }
  if (state.phase !== 'stable') {
    throw new CaError(
      'ca_rotating',
      `a rotation is under way (${state.phase}); weft ca status tells how far`,
    );
  }
  await writeFile(join(keyDir, REQUEST_FILE), '', { mode: 0o600 });
}
