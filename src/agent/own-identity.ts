import type { Clock, Timer } from '../lib/clock.ts';
import {
  decodeCertificateResponse,
  encodeCertificateRequest,
} from '../wire/identity/certificate-messages.ts';
import { makeKeyAndRequest } from '../wire/identity/csr.ts';
import { type IssuedIdentity, readIssued } from '../wire/identity/issued.ts';
import { renewAtMs, renewalRetryDelayMs } from '../wire/identity/renewal.ts';

/** A key with its certificate. `privateKeyPem` is secret. */
export interface OwnIdentity extends IssuedIdentity {
  readonly privateKeyPem: string;
}

/** What keeps an identity fresh. */
export interface OwnIdentityOptions {
  readonly spiffeId: string;
  /** Lifetime to ask for; the CA may give less. */
  readonly ttlS: number;
  /** Sends a certificate request; the bytes of the answer. */
  readonly createCertificate: (request: Uint8Array) => Promise<Uint8Array>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onIssued: (identity: OwnIdentity) => void;
  readonly log: (line: string) => void;
}

/** Gets a certificate now and a new one, with a new key, at half of its life; tries again until it works. Returns the end. */
export function keepOwnIdentity(options: OwnIdentityOptions): () => void {
  const { clock, random, log } = options;
  let timer: Timer | undefined;
  let isStopped = false;
  const renew = async (attempt: number): Promise<void> => {
    const issued = await request(options);
    if (isStopped) return;
    if (typeof issued === 'string') {
      const delayMs = renewalRetryDelayMs(attempt, random);
      log(`no certificate for ${options.spiffeId} yet (try ${attempt}): ${issued}`);
      timer = clock.setTimeout(() => void renew(attempt + 1), delayMs);
      return;
    }
    options.onIssued(issued);
    const receivedAtMs = clock.nowMs();
    const delayMs = renewAtMs({ receivedAtMs, notAfterMs: issued.notAfterMs }, random) - receivedAtMs;
    timer = clock.setTimeout(() => void renew(1), delayMs);
  };
  void renew(1);
  return () => {
    isStopped = true;
    timer?.cancel();
  };
}

/** The identity, or why there is none. */
async function request(options: OwnIdentityOptions): Promise<OwnIdentity | string> {
  try {
    const { privateKeyPem, csrPem } = makeKeyAndRequest(options.spiffeId);
    const asked = encodeCertificateRequest({ csr: csrPem, validityDurationS: options.ttlS });
    const answer = decodeCertificateResponse(await options.createCertificate(asked));
    const issued = readIssued(answer, privateKeyPem, options.spiffeId);
    return issued.ok ? { ...issued.identity, privateKeyPem } : issued.reason;
  } catch (error) {
    return (error as Error).message;
  }
}
