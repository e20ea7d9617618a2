import type { Json } from '../../../../xds/resources.ts';
import { FAILURE, type Failure } from './failure.ts';

/** Longest token that is looked at. */
const MAX_TOKEN_LENGTH = 32 * 1024;

const ALGORITHMS: ReadonlySet<string> = new Set(
  ['RS', 'PS', 'ES', 'HS']
    .flatMap((family) => [`${family}256`, `${family}384`, `${family}512`])
    .concat('EdDSA'),
);

export type JsonObject = { readonly [key: string]: Json };

/** A token whose form is right; nothing of it is proven yet. */
export interface Token {
  readonly text: string;
  readonly payloadText: string;
  readonly algorithm: string;
  /** '' for none. */
  readonly kid: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970, 0 for none. */
  readonly notBefore: number;
  readonly expiry: number;
}

/** Reads a JWT in compact form (RFC 7519), or says what is wrong with it. */
export function parseToken(text: string): Token | Failure {
  const parts = text.length > MAX_TOKEN_LENGTH ? [] : text.split('.');
  const [headerText = '', payloadText = '', signature = ''] = parts;
  if (parts.length !== 3) return FAILURE.format;
  const header = readObject(headerText, FAILURE.headerBase64, FAILURE.headerJson);
  if (typeof header === 'string') return header;
  const { alg, kid = '' } = header;
  if (typeof alg !== 'string') return FAILURE.algorithm;
  if (!ALGORITHMS.has(alg)) return FAILURE.unknownAlgorithm;
  if (typeof kid !== 'string') return FAILURE.kid;
  // What must be understood to understand the token (RFC 7515 §4.1.11): nothing such is.
  if (header['crit'] !== undefined) return FAILURE.verification;
  const payload = readObject(payloadText, FAILURE.payloadBase64, FAILURE.payloadJson);
  if (typeof payload === 'string') return payload;
  const claims = readClaims(payload);
  if (typeof claims === 'string') return claims;
  if (!isBase64Url(signature)) return FAILURE.signatureBase64;
  return { text, payloadText, algorithm: alg, kid, header, payload, ...claims };
}

function readClaims(
  payload: JsonObject,
): Pick<Token, 'issuer' | 'subject' | 'audiences' | 'notBefore' | 'expiry'> | Failure {
  const own = (name: string): Json | undefined => (Object.hasOwn(payload, name) ? payload[name] : undefined);
  const issuer = own('iss') ?? '';
  const subject = own('sub') ?? '';
  const notBefore = own('nbf') ?? 0;
  const expiry = own('exp') ?? 0;
  const aud = own('aud') ?? [];
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (typeof issuer !== 'string') return FAILURE.issuerType;
  if (typeof subject !== 'string') return FAILURE.subjectType;
  if (typeof notBefore !== 'number') return FAILURE.notBeforeType;
  if (notBefore < 0) return FAILURE.notBeforeRange;
  if (typeof expiry !== 'number') return FAILURE.expiryType;
  if (expiry < 0) return FAILURE.expiryRange;
  if (!audiences.every((one) => typeof one === 'string')) return FAILURE.audienceType;
  return { issuer, subject, audiences: audiences as string[], notBefore, expiry };
}

function readObject(text: string, badBase64: Failure, badJson: Failure): JsonObject | Failure {
  if (!isBase64Url(text)) return badBase64;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : badJson;
  } catch {
    return badJson;
  }
}

function isBase64Url(text: string): boolean {
  return text.length % 4 !== 1 && /^[\w-]*$/.test(text);
}
