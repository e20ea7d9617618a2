// istio.v1.auth.IstioCertificateService/CreateCertificate without a transport: request bytes and credentials in,
// response bytes or a gRPC status out. Limits come before work: size, calls per address, then authentication, then
// calls per workload, then signing.

import { X509Certificate } from 'node:crypto';
import { GRPC_CODE } from '../wire/grpc/status.ts';
import {
  type CertificateRequest,
  decodeCertificateRequest,
  encodeCertificateResponse,
} from '../wire/identity/certificate-messages.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import {
  type Authentication,
  type AuthenticationRules,
  authenticate,
  type Credentials,
} from './authenticate.ts';
import type { IssuanceEvent } from './issuance-audit.ts';
import type { JoinTokens } from './join-tokens.ts';
import { makeRateLimit } from './rate-limit.ts';
import type { Issuance, Ledger } from './rotation/ledger.ts';
import { generationOfIssuer } from './rotation/store.ts';
import { type LifetimePolicy, type SignResult, signLeaf } from './sign.ts';
import { bundleIdOf, type CertificateAuthority } from './trust-bundle.ts';

/** One call. */
export interface CertificateCall extends Credentials {
  /** The encoded request message. */
  readonly request: Uint8Array;
  /** IP address of the caller, without the port. */
  readonly peerAddress: string;
}

/** The encoded response message, or a status of gRPC with a sentence for the caller. */
export type CertificateReply =
  | { readonly ok: true; readonly response: Uint8Array }
  | { readonly ok: false; readonly status: number; readonly message: string };

/** Answers a call; never rejects. */
export type CreateCertificate = (call: CertificateCall) => Promise<CertificateReply>;

/** What the service stands on. */
export interface CertificateServiceOptions {
  /** The present snapshot; a rotation replaces it. */
  readonly authority: () => CertificateAuthority;
  readonly authentication: AuthenticationRules;
  readonly lifetime: LifetimePolicy;
  readonly limits: ServiceLimits;
  readonly nowMs: () => number;
  readonly audit: (event: IssuanceEvent) => void;
  /** Takes the one-time tokens of machines; absent: there are none. */
  readonly joinTokens?: JoinTokens;
  /** Where it is noted what is out. */
  readonly ledger?: Ledger;
}

/** Calls per minute. An address may stand for many workloads (a node's agent), a workload for one pod. */
export interface ServiceLimits {
  readonly callsPerAddress: number;
  readonly certificatesPerWorkload: number;
}

export const DEFAULT_LIMITS: ServiceLimits = { callsPerAddress: 6000, certificatesPerWorkload: 120 };
/** Largest request message, in bytes. */
export const MAX_REQUEST_BYTES = 32_768;

/** Makes the handler. */
export function makeCertificateService(options: CertificateServiceOptions): CreateCertificate {
  const byAddress = makeRateLimit(options.limits.callsPerAddress, options.nowMs);
  const byWorkload = makeRateLimit(options.limits.certificatesPerWorkload, options.nowMs);

  return async (call) => {
    const deny = (status: number, code: string, reason: string, spiffeId?: string): CertificateReply => {
      const who = spiffeId === undefined ? {} : { spiffeId };
      options.audit({ event: 'certificate_refused', client: call.peerAddress, ...who, code, reason });
      return { ok: false, status, message: reason };
    };
    try {
      if (!byAddress.admit(call.peerAddress)) {
        return deny(GRPC_CODE.RESOURCE_EXHAUSTED, 'too_many_calls', 'too many calls from this address');
      }
      const request = readRequest(call.request);
      if (typeof request === 'string') return deny(GRPC_CODE.INVALID_ARGUMENT, 'bad_request', request);
      const authority = options.authority();
      const caller = await whoCalls(call, authority, options);
      if (!caller.ok) return deny(GRPC_CODE.UNAUTHENTICATED, caller.code, caller.reason);
      const spiffeId = workloadSpiffeId(caller.identity);
      if (!byWorkload.admit(`${spiffeId} ${caller.pod ?? call.peerAddress}`)) {
        const reason = 'too many certificates for this workload';
        return deny(GRPC_CODE.RESOURCE_EXHAUSTED, 'too_many_certificates', reason, spiffeId);
      }
      const order = { csrPem: request.csr, identity: caller.identity, ttlS: request.validityDurationS };
      const signed = await signLeaf(authority, order, options.lifetime, options.nowMs());
      if (!signed.ok) return deny(statusOf(signed.code), signed.code, signed.reason, spiffeId);
      options.audit(issued(call, caller, signed));
      options.ledger?.note(issuanceOf(call, caller, signed, authority));
      return { ok: true, response: encodeCertificateResponse({ certChain: signed.leaf.chainPem }) };
    } catch (error) {
      // The message of an unexpected error is for the operator's log only.
      const reason = error instanceof Error ? error.message : String(error);
      deny(GRPC_CODE.UNAVAILABLE, 'internal', reason);
      return { ok: false, status: GRPC_CODE.UNAVAILABLE, message: 'the CA cannot answer now' };
    }
  };
}

/** A one-time token is taken here only, and is used up by being shown. */
function whoCalls(
  call: CertificateCall,
  authority: CertificateAuthority,
  { joinTokens, authentication, nowMs }: CertificateServiceOptions,
): Promise<Authentication> {
  const joined = joinTokens?.take(call.authorization, authority.trustDomain);
  return joined ?? authenticate(call, authority, authentication, nowMs());
}

function issuanceOf(
  call: CertificateCall,
  caller: Extract<Authentication, { ok: true }>,
  { leaf }: Extract<SignResult, { ok: true }>,
  authority: CertificateAuthority,
): Issuance {
  const shown = caller.by === 'certificate' ? serialOf(call.peerCertificate) : undefined;
  return {
    spiffeId: leaf.spiffeId,
    ...(caller.pod !== undefined && { pod: caller.pod }),
    address: call.peerAddress,
    serial: serialOf(leaf.certificate.raw) ?? leaf.serialHex,
    issuer: generationOfIssuer(authority.signer),
    bundle: bundleIdOf(authority),
    notAfterMs: leaf.notAfterMs,
    ...(shown !== undefined && { provedBySerial: shown }),
  };
}

function serialOf(der: Uint8Array | undefined): string | undefined {
  return der === undefined ? undefined : new X509Certificate(der).serialNumber.toLowerCase();
}

/** The request, or what is wrong with it. */
function readRequest(bytes: Uint8Array): CertificateRequest | string {
  if (bytes.length > MAX_REQUEST_BYTES) return `the request is larger than ${MAX_REQUEST_BYTES} bytes`;
  try {
    return decodeCertificateRequest(bytes);
  } catch {
    return 'the request is no IstioCertificateRequest';
  }
}

function statusOf(code: Extract<SignResult, { ok: false }>['code']): number {
  switch (code) {
    case 'other_identity':
      return GRPC_CODE.PERMISSION_DENIED;
    case 'ca_expired':
      return GRPC_CODE.UNAVAILABLE;
    default:
      return GRPC_CODE.INVALID_ARGUMENT;
  }
}

function issued(
  call: CertificateCall,
  caller: Extract<Authentication, { ok: true }>,
  { leaf }: Extract<SignResult, { ok: true }>,
): IssuanceEvent {
  return {
    event: 'certificate_issued',
    client: call.peerAddress,
    spiffeId: leaf.spiffeId,
    by: caller.by,
    ...(caller.pod === undefined ? {} : { pod: caller.pod }),
    serial: leaf.serialHex,
    notAfterMs: leaf.notAfterMs,
  };
}
