// When to ask for the next certificate. Half of the lifetime is left as time for the CA to be away.

/** How long a certificate serves, wall time in milliseconds since 1970. */
export interface Service {
  /** When it was received: `notBefore` is back-dated by the CA and would make short lifetimes look half over. */
  readonly receivedAtMs: number;
  readonly notAfterMs: number;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
const MAX_REISSUE_MS = 10_000;

/** Wall time of renewal: at half-life, up to a tenth of the lifetime earlier, so that a fleet does not come at once. */
export function renewAtMs(service: Service, random: () => number): number {
  const spanMs = Math.max(0, service.notAfterMs - service.receivedAtMs);
  return service.receivedAtMs + spanMs * (0.5 - 0.1 * random());
}

/** Delay before attempt number `attempt` (from 1) after failures: doubling from 0.5 s to 60 s, half of it random. */
export function renewalRetryDelayMs(attempt: number, random: () => number): number {
  const ceilingMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 20));
  return ceilingMs / 2 + (ceilingMs / 2) * random();
}

/**
 * Delay before a certificate of an older root is replaced, so that a fleet does not come at once: up to a twentieth of
 * its life, ten seconds at most; a minute and more where the CA has answered with the older root again.
 */
export function reissueDelayMs(service: Service, attempt: number, random: () => number): number {
  const spanMs = Math.max(0, service.notAfterMs - service.receivedAtMs);
  if (attempt === 1) return random() * Math.min(MAX_REISSUE_MS, spanMs * 0.05);
  return Math.min(spanMs * 0.1, MAX_RETRY_MS) * (attempt - 1) * (0.5 + random() / 2);
}
