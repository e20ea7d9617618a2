import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDeltaResponse } from '../xds/delta-messages.ts';
import { deltaChunks } from '../xds/sendable.ts';
import { createHeld, type Held, MAX_HELD_BYTES, passOn } from './held.ts';

// What an Envoy used last, on disk: it may hold private keys of gateways, so only the agent's user can read it. The file
// is replaced as a whole; its hash tells a torn or altered one, which is not used.
//
//   weft-held 1 SHA256_OF_THE_REST\n  then for each type: length (uint32, big-endian), a DeltaDiscoveryResponse

const MAGIC = 'weft-held 1';
const HEADER = /^weft-held 1 ([0-9a-f]{64})\n/;
const HEADER_LENGTH = MAGIC.length + 1 + 64 + 1;
/** Largest file read: what may be held, and its framing. */
const MAX_FILE_BYTES = MAX_HELD_BYTES * 1.25;

/** Where what an Envoy uses is kept. */
export interface CacheFile {
  /** What was kept; empty where there is nothing or nothing that can be trusted. */
  load(): Promise<Held>;
  /** Keeps this. Calls during a write are taken together into one more. Never rejects. */
  save(held: Held): Promise<void>;
  /** Forgets it. Never rejects. */
  remove(): Promise<void>;
}

/** The file of one workload in a folder, which is made where there is none. */
export function cacheFile(folder: string, workload: string, onError: (message: string) => void): CacheFile {
  const path = join(folder, `${workload}.held`);
  let writing: Promise<void> | undefined;
  let next: Held | undefined;
  const writeAll = async (): Promise<void> => {
    for (let held = next; held !== undefined; held = next) {
      next = undefined;
      try {
        await write(folder, path, encodeHeld(held));
      } catch (error) {
        onError(`${path} cannot be written: ${(error as Error).message}`);
      }
    }
    writing = undefined;
  };
  return {
    async load() {
      try {
        const { size } = await stat(path);
        if (size > MAX_FILE_BYTES) throw new Error('it is too large');
        return decodeHeld(await readFile(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          onError(`${path} is not used: ${(error as Error).message}`);
        }
        return createHeld();
      }
    },
    save(held) {
      next = held;
      writing ??= Promise.resolve().then(writeAll);
      return writing;
    },
    async remove() {
      next = undefined;
      await writing;
      await rm(path, { force: true }).catch((error) => onError(`${path} stays: ${error.message}`));
    },
  };
}

async function write(folder: string, path: string, bytes: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.draft`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** The content of the file. */
export function encodeHeld(held: Held): Buffer {
  const parts: Uint8Array[] = [];
  for (const typeUrl of held.types()) {
    const resources = [...held.of(typeUrl).values()];
    const chunks = deltaChunks({ typeUrl, nonce: '', systemVersion: '', resources, removed: [] });
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    parts.push(length, ...chunks);
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(`${MAGIC} ${hashOf(body)}\n`), body]);
}

/** What the content of a file says. Throws an Error where it is not what was written. */
export function decodeHeld(content: Buffer): Held {
  const [, hash] = HEADER.exec(content.subarray(0, HEADER_LENGTH).toString('latin1')) ?? [];
  const body = content.subarray(HEADER_LENGTH);
  if (hash === undefined || hash !== hashOf(body)) throw new Error('it is torn or was altered');
  const held = createHeld();
  for (let at = 0; at < body.length; ) {
    const end = at + 4 + body.readUInt32BE(at);
    const { typeUrl, resources } = decodeDeltaResponse(body.subarray(at + 4, end));
    held.know(typeUrl);
    for (const resource of resources) held.put(typeUrl, passOn(resource));
    at = end;
  }
  return held;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
