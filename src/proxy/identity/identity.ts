/**
 * The proxy's own certificate: a key made here, a request signed with it, an answer from the CA; renewed at half-life
 * with jitter, retried with back-off for as long as it takes. The key goes into the secrets and, where the proxy keeps
 * its last good configuration on disk, into that file (mode 0600); never into a log.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { CallOptions, GrpcClient } from '../../wire/grpc/client.ts';
import {
  CREATE_CERTIFICATE_PATH,
  decodeCertificateResponse,
  encodeCertificateRequest,
} from '../../wire/identity/certificate-messages.ts';
import { makeKeyAndRequest } from '../../wire/identity/csr.ts';
import { readIssued } from '../../wire/identity/issued.ts';
import { renewAtMs, renewalRetryDelayMs } from '../../wire/identity/renewal.ts';
import type { Credentials } from './credentials.ts';

export interface IdentityOptions {
  readonly spiffeId: string;
  readonly client: GrpcClient;
  /** Read before each request: tokens are renewed on disk. */
  readonly callOptions: () => CallOptions;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked for; the CA may give less. */
  readonly lifetimeSeconds: number;
  readonly onCredentials: (credentials: Credentials) => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

const requestTimeoutMs = 10_000;

/** Keeps an identity fresh, starting from `held` (from disk) if that still serves. The returned function ends it. */
export function keepIdentity(options: IdentityOptions, held?: Credentials): () => void {
  const { clock, random, log } = options;
  const ended = new AbortController();
  let timer: Timer | undefined;
  const wait = (delayMs: number, attempt: number): void => {
    timer = clock.setTimeout(() => void renew(attempt), Math.max(0, delayMs));
  };
  const renew = async (attempt: number): Promise<void> => {
    const result = await requestCertificate(options, ended.signal);
    if (ended.signal.aborted) return;
    if (!result.ok) {
      const delayMs = renewalRetryDelayMs(attempt, () => random.next());
      log(
        'warning',
        `no certificate yet (try ${attempt}): ${result.message}; again in ${Math.round(delayMs)} ms`,
      );
      return wait(delayMs, attempt + 1);
    }
    log(
      'info',
      `certificate of ${options.spiffeId}, good until ${new Date(result.credentials.notAfterMs).toISOString()}`,
    );
    take(result.credentials);
  };
  const take = (credentials: Credentials): void => {
    options.onCredentials(credentials);
    wait(renewAtMs(credentials, () => random.next()) - clock.nowMs(), 1);
  };
  if (held !== undefined && held.notAfterMs > clock.nowMs()) take(held);
  else void renew(1);
  return () => {
    ended.abort();
    timer?.cancel();
  };
}

type Requested =
  | { readonly ok: true; readonly credentials: Credentials }
  | { readonly ok: false; readonly message: string };

async function requestCertificate(options: IdentityOptions, signal: AbortSignal): Promise<Requested> {
  const { spiffeId, lifetimeSeconds, clock } = options;
  const { privateKeyPem, csrPem } = makeKeyAndRequest(spiffeId);
  const request = encodeCertificateRequest({ csr: csrPem, validityDurationS: lifetimeSeconds });
  try {
    const call = { ...options.callOptions(), timeoutMs: requestTimeoutMs, signal };
    const result = await options.client.unary(CREATE_CERTIFICATE_PATH, request, call);
    if (!result.ok) return { ok: false, message: result.error.message };
    const issued = readIssued(decodeCertificateResponse(result.message), privateKeyPem, spiffeId);
    if (!issued.ok) return { ok: false, message: issued.reason };
    const { chainPem, rootsPem, notAfterMs } = issued.identity;
    return {
      ok: true,
      credentials: { chainPem, rootsPem, notAfterMs, privateKeyPem, receivedAtMs: clock.nowMs() },
    };
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}
