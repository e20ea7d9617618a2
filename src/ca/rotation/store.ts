// The folder of the CA on disk, mode 0700: `rotation.json` (the state), `leaves.json` (the ledger), one folder in
// `cacerts` layout for each generation but the first root, which lies in the folder itself as it always has.
//
// A CA that the user brings is copied here: while the mesh learns to trust the next one the one before has to go on
// signing, and the user has replaced its files by then.

import { createHash, type X509Certificate } from 'node:crypto';
import { rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { certificatesFromPem } from '../../wire/identity/trust-bundle.ts';
import { CaError } from '../ca-error.ts';
import { type Issuer, type IssuerPem, issuerFromPem } from '../issuer.ts';
import { readOrCreate, readStored, replaceStored } from '../key-store.ts';
import { type RotationState, readState } from './state.ts';

const CERT = 'ca-cert.pem';
const KEY = 'ca-key.pem';
const CHAIN = 'cert-chain.pem';
const ROOT = 'root-cert.pem';

/** What of the CA lies on disk. */
export interface RotationStore {
  readState(): Promise<RotationState | undefined>;
  writeState(state: RotationState): Promise<void>;
  readLeaves(): Promise<string | undefined>;
  writeLeaves(text: string): Promise<void>;
  /** Keeps a CA's files; without effect where they are kept. */
  keep(pem: IssuerPem, nowMs: number): Promise<string>;
  open(generation: string, nowMs: number): Promise<Issuer>;
  /** Deletes the files of a generation, its key first. */
  forget(generation: string): Promise<void>;
  /** Whether the operator has asked for a rotation; asked once, answered once. */
  takeRequest(): Promise<boolean>;
}

/** Name of a generation: of its CA certificate together with the certificates it leads to. */
export function generationOf(pem: Omit<IssuerPem, 'keyPem'>): string {
  const [certificate] = certificatesFromPem(pem.certPem);
  if (certificate === undefined) throw new CaError('ca_files_incomplete', `${CERT} holds no certificate`);
  return nameOf(certificate, [...certificatesFromPem(pem.chainPem), ...certificatesFromPem(pem.rootPem)]);
}

/** {@link generationOf} of an open CA. */
export function generationOfIssuer(issuer: Issuer): string {
  return nameOf(issuer.certificate, [...issuer.intermediates, ...issuer.roots]);
}

function nameOf(certificate: X509Certificate, above: readonly X509Certificate[]): string {
  const all = new Set([certificate, ...above].map(({ fingerprint256 }) => fingerprint256));
  const text = [certificate.fingerprint256, ...[...all].sort()].join(' ');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** File by which an operator asks for a rotation. */
export const REQUEST_FILE = 'rotate.request';

/** The store in a folder. */
export function rotationStore(keyDir: string): RotationStore {
  const statePath = join(keyDir, 'rotation.json');
  const leavesPath = join(keyDir, 'leaves.json');
  const folderOf = async (generation: string): Promise<string> => {
    const own = join(keyDir, 'generations', generation);
    return (await isThere(join(own, CERT))) ? own : keyDir;
  };
  return {
    async readState() {
      const text = await readStored(statePath, 0o644);
      if (text === undefined) return undefined;
      const state = readState(text);
      if (state === undefined) {
        throw new CaError('ca_file_unreadable', `${statePath} is damaged; it says which CA signs`);
      }
      return state;
    },
    writeState: (state) => replaceStored(statePath, 0o644, `${JSON.stringify(state, undefined, 2)}\n`),
    readLeaves: () => readStored(leavesPath, 0o600),
    writeLeaves: (text) => replaceStored(leavesPath, 0o600, text),
    async keep(pem, nowMs) {
      issuerFromPem(pem, 'the new CA', nowMs); // what cannot sign is not kept
      const generation = generationOf(pem);
      const first = await readCaFiles(keyDir);
      if (first !== undefined && generationOf(first) === generation) return generation;
      const folder = join(keyDir, 'generations', generation);
      await readOrCreate(join(folder, KEY), 0o600, () => pem.keyPem);
      await readOrCreate(join(folder, CHAIN), 0o644, () => pem.chainPem);
      await readOrCreate(join(folder, ROOT), 0o644, () => pem.rootPem);
      // Last: it says that the generation is whole.
      await readOrCreate(join(folder, CERT), 0o644, () => pem.certPem);
      return generation;
    },
    async open(generation, nowMs) {
      const folder = await folderOf(generation);
      const pem = await readCaFiles(folder);
      if (pem === undefined || generationOf(pem) !== generation) {
        throw new CaError('ca_files_incomplete', `${folder} does not hold the CA ${generation}, which signs`);
      }
      return issuerFromPem(pem, folder, nowMs);
    },
    async forget(generation) {
      const folder = await folderOf(generation);
      const pem = await readCaFiles(folder);
      if (pem === undefined || generationOf(pem) !== generation) return;
      for (const name of [KEY, CERT, CHAIN, ROOT]) await rm(join(folder, name), { force: true });
      if (folder !== keyDir) await rm(folder, { recursive: true, force: true });
    },
    async takeRequest() {
      try {
        await unlink(join(keyDir, REQUEST_FILE));
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** The four files of a folder in `cacerts` layout; undefined where it holds no CA. */
export async function readCaFiles(
  folder: string,
  keyMode: 0o600 | 0o644 = 0o600,
): Promise<IssuerPem | undefined> {
  const [certPem, keyPem, chainPem = '', rootPem] = await Promise.all([
    readStored(join(folder, CERT), 0o644),
    readStored(join(folder, KEY), keyMode),
    readStored(join(folder, CHAIN), 0o644),
    readStored(join(folder, ROOT), 0o644),
  ]);
  if (certPem === undefined || keyPem === undefined || rootPem === undefined) return undefined;
  return { certPem, keyPem, chainPem, rootPem };
}

/** Changes whenever one of the files of a folder does. */
export async function versionOfCaFiles(folder: string): Promise<string> {
  const versions = [CERT, KEY, CHAIN, ROOT].map(async (name) => {
    try {
      const { mtimeNs, size, ino } = await stat(join(folder, name), { bigint: true });
      return `${mtimeNs}/${size}/${ino}`;
    } catch {
      return 'absent';
    }
  });
  return (await Promise.all(versions)).join(' ');
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
