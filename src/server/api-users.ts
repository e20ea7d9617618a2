import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Role } from './roles.ts';

// Who may call the API: a file that holds no secret, only the hashes of tokens, and the names in certificates.

const role = z.enum(['view', 'operate', 'admin']);
const name = z.string().min(1).max(128);
const file = z.strictObject({
  tokens: z
    .array(z.strictObject({ name, role, sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hex') }))
    .max(1000)
    .default([]),
  certificates: z
    .array(z.strictObject({ name: z.string().min(1).max(2048), role }))
    .max(1000)
    .default([]),
});

/** Somebody who has proved who they are. */
export interface ApiUser {
  readonly name: string;
  readonly role: Role;
}

/** Those who are known. */
export interface ApiUsers {
  /** Whose token it is; undefined: nobody's. */
  byToken(token: string): ApiUser | undefined;
  /** Whose certificate it is, by its URI names, its DNS names or its common name. It has to be verified already. */
  byCertificate(der: Uint8Array): ApiUser | undefined;
}

interface TokenUser extends ApiUser {
  readonly hash: Buffer;
}

/** Tokens are longer than this are none. */
const MAX_TOKEN = 4096;

/** Reads the file's text. Throws an Error with a sentence. */
export function readApiUsers(text: string): ApiUsers {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    throw new Error('it is no JSON');
  }
  const read = file.safeParse(written);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { tokens, certificates } = read.data;
  return makeUsers(
    tokens.map(({ sha256, ...user }) => ({ ...user, hash: Buffer.from(sha256, 'hex') })),
    new Map(certificates.map((user) => [user.name, user])),
  );
}

/** Those of a file, and the bearer of one more token. */
export function withToken(users: ApiUsers | undefined, token: string, user: ApiUser): ApiUsers {
  const own = makeUsers([{ ...user, hash: hashOf(token) }], new Map());
  return {
    byToken: (text) => own.byToken(text) ?? users?.byToken(text),
    byCertificate: (der) => users?.byCertificate(der),
  };
}

function makeUsers(tokens: readonly TokenUser[], named: ReadonlyMap<string, ApiUser>): ApiUsers {
  return {
    byToken(token) {
      if (token === '' || token.length > MAX_TOKEN) return undefined;
      const hash = hashOf(token);
      return tokens.find((user) => timingSafeEqual(user.hash, hash));
    },
    byCertificate(der) {
      if (named.size === 0) return undefined;
      for (const one of namesOf(new X509Certificate(der))) {
        const user = named.get(one);
        if (user !== undefined) return user;
      }
      return undefined;
    },
  };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** URI and DNS names, then the common name. */
function namesOf({ subjectAltName = '', subject }: X509Certificate): readonly string[] {
  const alternative = subjectAltName
    .split(', ')
    .flatMap((part) => /^(?:URI|DNS):(.+)$/.exec(part)?.[1] ?? []);
  const common = /^CN=(.+)$/m.exec(subject)?.[1];
  return common === undefined ? alternative : [...alternative, common];
}
