// A service-account token (JWT, as Kubernetes projects it and as the local platform makes it) to an identity. The
// signature is checked by jose with the one algorithm of the key; what the header says about keys (jku, jwk, x5u) is
// never followed, and `kid` is compared with the names of known keys, nothing else.

import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { maxLength, object, optional, string } from 'zod/mini';
import type { WorkloadIdentity } from '../wire/identity/spiffe.ts';
import type { TokenKey, TokenKeys } from './jwks-file.ts';

/** What tokens must say. */
export interface TokenRules {
  readonly trustDomain: string;
  /** One of the token's audiences must be this; Istio's agents ask for `istio-ca`. */
  readonly audience: string;
  /** The `iss` to insist on; absent accepts any, as the key already tells the issuer. */
  readonly issuer?: string;
  readonly nowMs: number;
}

/** Why a token is refused; stable. */
export type TokenRefusal =
  | 'too_large'
  | 'malformed'
  | 'unknown_key'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_audience'
  | 'wrong_issuer'
  | 'missing_claim'
  | 'not_a_service_account';

export type TokenVerdict =
  | { readonly ok: true; readonly identity: WorkloadIdentity; readonly pod: string | undefined }
  | { readonly ok: false; readonly code: TokenRefusal; readonly reason: string };

/** Audience of the tokens meant for the CA. */
export const CA_AUDIENCE = 'istio-ca';
/** Longest token looked at, in characters. Kubernetes' have about 1,000. */
export const MAX_TOKEN_LENGTH = 16_384;
/** Clocks may differ by so much, in seconds. */
export const CLOCK_SKEW_S = 60;

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const SUBJECT = new RegExp(`^system:serviceaccount:(${LABEL}):(${LABEL}(?:\\.${LABEL})*)$`);
const MAX_SUBJECT_LENGTH = 400;

const NAMED = object({ name: string().check(maxLength(253)) });
const KUBERNETES = object({
  namespace: optional(string()),
  pod: optional(NAMED),
  serviceaccount: optional(NAMED),
});

/** Verifies a token and reads the workload's identity from it. Never throws for what the token holds. */
export async function verifyServiceAccountToken(
  token: string,
  keys: TokenKeys,
  rules: TokenRules,
): Promise<TokenVerdict> {
  if (token.length > MAX_TOKEN_LENGTH) return refuse('too_large', 'the token is too large');
  const key = keyFor(token, keys);
  if (typeof key === 'string') {
    return key === 'malformed'
      ? refuse('malformed', 'the token is no JSON Web Token')
      : refuse('unknown_key', 'the token is signed by a key that is not known here');
  }
  try {
    const { payload } = await jwtVerify(token, key.key, {
      algorithms: [key.algorithm],
      audience: rules.audience,
      ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
      requiredClaims: ['exp', 'sub'],
      clockTolerance: CLOCK_SKEW_S,
      currentDate: new Date(rules.nowMs),
    });
    return readIdentity(payload, rules.trustDomain);
  } catch (error) {
    return refusalOf(error);
  }
}

function keyFor(token: string, keys: TokenKeys): TokenKey | 'malformed' | 'unknown_key' {
  try {
    const { kid } = decodeProtectedHeader(token);
    if (kid !== undefined && typeof kid !== 'string') return 'malformed';
    const onlyKey = keys.size === 1 ? [...keys.values()][0] : undefined;
    return (kid === undefined ? onlyKey : keys.get(kid)) ?? 'unknown_key';
  } catch {
    return 'malformed';
  }
}

function readIdentity(payload: JWTPayload, trustDomain: string): TokenVerdict {
  const subject = payload.sub ?? '';
  const [, namespace, serviceAccount] = (subject.length <= MAX_SUBJECT_LENGTH && SUBJECT.exec(subject)) || [];
  if (namespace === undefined || serviceAccount === undefined || serviceAccount.length > 253) {
    return refuse('not_a_service_account', 'the subject of the token is no service account');
  }
  const claims = KUBERNETES.safeParse(payload['kubernetes.io'] ?? {});
  const data = claims.data;
  if (
    data === undefined ||
    (data.namespace ?? namespace) !== namespace ||
    (data.serviceaccount?.name ?? serviceAccount) !== serviceAccount
  ) {
    return refuse('not_a_service_account', 'the claims of the token contradict its subject');
  }
  return { ok: true, identity: { trustDomain, namespace, serviceAccount }, pod: data.pod?.name };
}

function refusalOf(error: unknown): TokenVerdict {
  if (error instanceof errors.JWTExpired) return refuse('expired', 'the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) return refusalOfClaim(error);
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refuse('bad_signature', 'the signature of the token is wrong');
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refuse('bad_signature', 'the token is signed with another algorithm than its key is for');
  }
  return refuse('malformed', 'the token is no JSON Web Token that can be read');
}

function refusalOfClaim(error: errors.JWTClaimValidationFailed): TokenVerdict {
  if (error.reason === 'missing') return refuse('missing_claim', `the token lacks the claim ${error.claim}`);
  switch (error.claim) {
    case 'aud':
      return refuse('wrong_audience', 'the token is meant for another audience');
    case 'iss':
      return refuse('wrong_issuer', 'the token is of another issuer');
    case 'nbf':
      return refuse('not_yet_valid', 'the token is not valid yet');
    default:
      return refuse('malformed', `the claim ${error.claim} of the token is wrong`);
  }
}

function refuse(code: TokenRefusal, reason: string): TokenVerdict {
  return { ok: false, code, reason };
}
