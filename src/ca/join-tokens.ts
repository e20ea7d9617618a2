// One-time tokens, by which a machine outside of any platform gets its first certificate; from then on it renews with
// what it has. `weft ca token create` makes one: the text is shown once, the CA's folder keeps only its hash. A token
// is used up the moment it is shown, by renaming its file: twice cannot succeed, not even across restarts. Where the
// request that it came with is then refused, a new token is needed.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type infer as Infer, literal, object, string, number as wholeNumber } from 'zod/mini';
import { JOIN_TOKEN_PREFIX } from '../wire/identity/join-token.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import type { Authentication } from './authenticate.ts';
import { readStored, replaceStored } from './key-store.ts';

/** For whom a token is. */
export interface JoinOrder {
  readonly namespace: string;
  /** Name of the workload: its proxy has to be called so. */
  readonly workload: string;
  readonly serviceAccount: string;
  readonly ttlS: number;
}

/** Takes tokens. */
export interface JoinTokens {
  /** Undefined where the header carries none of these tokens; never rejects. */
  take(authorization: string | undefined, trustDomain: string): Promise<Authentication> | undefined;
}

const STORED = object({
  format: literal(1),
  /** SHA-256 of the secret part. */
  hash: string(),
  namespace: string(),
  workload: string(),
  serviceAccount: string(),
  expiresAtMs: wholeNumber(),
});
type Stored = Readonly<Infer<typeof STORED>>;

/** Longest life of a token, in seconds: a week. */
export const MAX_JOIN_TTL_S = 7 * 24 * 3600;
/** Tokens that wait to be used. */
export const MAX_JOIN_TOKENS = 10_000;

const FOLDER = 'join-tokens';
const TOKEN = /^Bearer +weft-join\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/i;
const LABEL = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Makes a token in a CA's folder. The text is secret. Rejects with RangeError on a name or lifetime that cannot be. */
export async function createJoinToken(keyDir: string, order: JoinOrder, nowMs: number): Promise<string> {
  const { namespace, workload, serviceAccount, ttlS } = order;
  for (const name of [namespace, workload, serviceAccount]) {
    if (!LABEL.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name of Kubernetes`);
  }
  workloadSpiffeId({ trustDomain: 'any', namespace, serviceAccount });
  if (!(ttlS >= 1 && ttlS <= MAX_JOIN_TTL_S)) {
    throw new RangeError(`a join token lives from 1 second to ${MAX_JOIN_TTL_S / 86_400} days`);
  }
  const folder = join(keyDir, FOLDER);
  await forgetExpired(folder, nowMs);
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const stored: Stored = {
    format: 1,
    hash: hashOf(secret),
    namespace,
    workload,
    serviceAccount,
    expiresAtMs: nowMs + ttlS * 1000,
  };
  await replaceStored(join(folder, `${id}.json`), 0o600, `${JSON.stringify(stored)}\n`);
  return `${JOIN_TOKEN_PREFIX}${id}.${secret}`;
}

/** The tokens of a CA's folder. */
export function joinTokens(keyDir: string, nowMs: () => number): JoinTokens {
  const folder = join(keyDir, FOLDER);
  return {
    take(authorization, trustDomain) {
      const [, id, secret] = TOKEN.exec(authorization ?? '') ?? [];
      if (id === undefined || secret === undefined) return undefined;
      return takeOne(folder, id, secret, trustDomain, nowMs()).catch(() => refuse('it cannot be checked'));
    },
  };
}

async function takeOne(
  folder: string,
  id: string,
  secret: string,
  trustDomain: string,
  nowMs: number,
): Promise<Authentication> {
  const path = join(folder, `${id}.json`);
  const stored = readOne(await readStored(path, 0o600));
  // One answer for unknown, used and wrong: who guesses learns nothing.
  if (stored === undefined || !isSame(stored.hash, hashOf(secret)))
    return refuse('it is not known, or was used');
  if (nowMs > stored.expiresAtMs) return refuse('it has expired');
  if (!(await useUp(path))) return refuse('it is not known, or was used');
  const { namespace, serviceAccount, workload } = stored;
  return { ok: true, by: 'join-token', identity: { trustDomain, namespace, serviceAccount }, pod: workload };
}

/** Whether it was us who used it: of two renames of one file, one fails. */
async function useUp(path: string): Promise<boolean> {
  try {
    await rename(path, `${path}.used`);
  } catch {
    return false;
  }
  await unlink(`${path}.used`);
  return true;
}

async function forgetExpired(folder: string, nowMs: number): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  let waiting = 0;
  for (const name of names) {
    const stored = readOne(await readStored(join(folder, name), 0o600));
    if (stored !== undefined && stored.expiresAtMs >= nowMs) waiting += 1;
    else await unlink(join(folder, name)).catch(() => {});
  }
  if (waiting >= MAX_JOIN_TOKENS) throw new RangeError(`${MAX_JOIN_TOKENS} tokens wait to be used already`);
}

function readOne(text: string | undefined): Stored | undefined {
  if (text === undefined) return undefined;
  try {
    return STORED.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function refuse(why: string): Authentication {
  return { ok: false, code: 'bad_join_token', reason: `the join token is refused: ${why}` };
}
