/**
 * The last good configuration on disk: what was accepted, as it came, and the identity, so that a proxy that starts
 * while the control plane is away serves at once. One file, written whole (new file, then rename), mode 0600.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { DeltaResource } from '../../xds/delta-messages.ts';
import type { Credentials } from '../identity/credentials.ts';
import type { WantedNames } from './control-plane.ts';

/** What the file holds. */
export interface LastGood {
  readonly resources: readonly DeltaResource[];
  /** Of a proxy on demand: names that are subscribed to, by type. */
  readonly names: readonly WantedNames[];
  readonly credentials: Credentials | undefined;
}

export interface LastGoodFile {
  /** What was kept for this node; undefined where there is nothing usable. */
  read(): LastGood | undefined;
  /** Writes soon: changes that follow closely are written once. */
  changed(): void;
  /** Writes now if anything is due. */
  flush(): void;
}

/** Changes wait this long for others before the file is written. */
const delayMs = 500;
/** A larger file is not read: it was not written by this proxy. */
const maxFileBytes = 256 * 1024 * 1024;

interface FileContent {
  readonly format: 1;
  readonly node: string;
  readonly credentials?: Credentials;
  readonly names?: readonly WantedNames[];
  readonly resources: readonly (readonly [typeUrl: string, name: string, version: string, base64: string])[];
}

export function createLastGoodFile(
  directory: string,
  node: string,
  current: () => LastGood,
  clock: Clock,
  log: (level: 'warning', message: string) => void,
): LastGoodFile {
  const path = join(directory, 'last-good.json');
  let timer: Timer | undefined;
  const write = (): void => {
    timer = undefined;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(`${path}.new`, toText(node, current()), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      log('warning', `cannot keep the last good configuration in ${path}: ${(error as Error).message}`);
    }
  };
  return {
    read: () => readLastGood(path, node),
    changed() {
      timer ??= clock.setTimeout(write, delayMs);
    },
    flush() {
      if (timer === undefined) return;
      timer.cancel();
      write();
    },
  };
}

function toText(node: string, { resources, names, credentials }: LastGood): string {
  const content: FileContent = {
    format: 1,
    node,
    ...(credentials === undefined ? {} : { credentials }),
    ...(names.length === 0 ? {} : { names }),
    resources: resources.map(
      (r) => [r.typeUrl, r.name, r.version, Buffer.from(r.value).toString('base64')] as const,
    ),
  };
  return JSON.stringify(content);
}

/** Undefined for a missing or damaged file, and for one of another proxy. */
function readLastGood(path: string, node: string): LastGood | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > maxFileBytes) return undefined;
    const content = JSON.parse(text) as FileContent;
    if (content.format !== 1 || content.node !== node) return undefined;
    const resources = content.resources.map(([typeUrl, name, version, base64]) => ({
      typeUrl,
      name,
      version,
      value: new Uint8Array(Buffer.from(base64, 'base64')),
    }));
    return { resources, names: content.names ?? [], credentials: content.credentials };
  } catch {
    return undefined;
  }
}
