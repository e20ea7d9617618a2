// The certificate authority: it turns a workload's proof of who it is into a short-lived certificate.
//
// In: a certificate request with a service-account token or an older certificate of ours (authenticate.ts), over
// Istio's API (service.ts, grpc-service.ts). Out: a leaf for the authenticated identity (sign.ts) and the trust
// bundle (trust-bundle.ts). One root replaces another while all this goes on (rotation/). The control plane mounts this on its port, main.ts runs it alone; token-issuer.ts makes
// the tokens where no Kubernetes does. Never: a workload's private key; a name taken from the request; a key or token
// in a log. The workload's side of it is src/wire/identity.
//
// This file: credentials of a call to an identity.

import { X509Certificate } from 'node:crypto';
import { type WorkloadIdentity, workloadIdentityOf } from '../wire/identity/spiffe.ts';
import { verifyPeer } from '../wire/identity/verify.ts';
import type { TokenKeySource } from './jwks-file.ts';
import { type TokenRefusal, verifyServiceAccountToken } from './service-account-token.ts';
import type { CertificateAuthority } from './trust-bundle.ts';

/** What a caller shows. */
export interface Credentials {
  /** The `authorization` header. Secret. */
  readonly authorization?: string | undefined;
  /** DER of the certificate it proved in the TLS handshake. */
  readonly peerCertificate?: Uint8Array | undefined;
}

/** Who the caller is, or why nobody knows. */
export type Authentication =
  | {
      readonly ok: true;
      readonly identity: WorkloadIdentity;
      readonly by: 'token' | 'certificate' | 'join-token';
      /** The pod that a token is bound to. */
      readonly pod: string | undefined;
    }
  | { readonly ok: false; readonly code: AuthenticationRefusal; readonly reason: string };

export type AuthenticationRefusal = TokenRefusal | 'no_credentials' | 'bad_certificate' | 'bad_join_token';

/** What credentials are held to. */
export interface AuthenticationRules {
  /** Absent: tokens are not accepted. */
  readonly tokenKeys?: TokenKeySource | undefined;
  readonly audience: string;
  readonly issuer?: string | undefined;
}

const BEARER = /^Bearer +([^\s]+)$/i;

/**
 * Tries the token, then the certificate, as Istio does: a renewal with a good certificate must not fail on an old
 * token that the client sends along. Rejects only when the keys for tokens cannot be read at all.
 */
export async function authenticate(
  credentials: Credentials,
  authority: CertificateAuthority,
  rules: AuthenticationRules,
  nowMs: number,
): Promise<Authentication> {
  const byToken = await authenticateToken(credentials.authorization, authority, rules, nowMs);
  if (byToken?.ok) return byToken;
  const byCertificate = authenticateCertificate(credentials.peerCertificate, authority, nowMs);
  if (byCertificate?.ok) return byCertificate;
  const none = refuse('no_credentials', 'the call carries neither a token nor a certificate');
  return byToken ?? byCertificate ?? none;
}

async function authenticateToken(
  authorization: string | undefined,
  authority: CertificateAuthority,
  rules: AuthenticationRules,
  nowMs: number,
): Promise<Authentication | undefined> {
  if (authorization === undefined || rules.tokenKeys === undefined) return undefined;
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) return refuse('malformed', 'the authorization header is no bearer token');
  const verdict = await verifyServiceAccountToken(token, await rules.tokenKeys.keys(), {
    trustDomain: authority.trustDomain,
    audience: rules.audience,
    ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
    nowMs,
  });
  return verdict.ok ? { ...verdict, by: 'token' } : verdict;
}

/** Renewal: a certificate of this mesh speaks for the same workload, under the trust domain's present name. */
function authenticateCertificate(
  der: Uint8Array | undefined,
  authority: CertificateAuthority,
  nowMs: number,
): Authentication | undefined {
  if (der === undefined) return undefined;
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(der);
  } catch {
    return refuse('bad_certificate', 'the certificate of the caller cannot be read');
  }
  const verdict = verifyPeer([leaf], {
    bundle: authority.bundle,
    trustDomains: [authority.trustDomain, ...authority.trustDomainAliases],
    usage: 'client',
    nowMs,
    intermediates: authority.intermediates,
  });
  if (!verdict.ok) return refuse('bad_certificate', verdict.reason);
  const identity = workloadIdentityOf(verdict.id);
  if (identity === undefined) {
    return refuse('bad_certificate', 'the SPIFFE id of the caller names no namespace and service account');
  }
  return {
    ok: true,
    by: 'certificate',
    identity: { ...identity, trustDomain: authority.trustDomain },
    pod: undefined,
  };
}

function refuse(code: AuthenticationRefusal, reason: string): Authentication {
  return { ok: false, code, reason };
}
