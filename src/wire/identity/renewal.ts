// When to ask for the next certificate. Half of the lifetime is left as time for the CA to be away.

/** How long a certificate serves, wall time in milliseconds since 1970. */
export interface Service {
  /** When it was received: `notBefore` is back-dated by the CA and would make short lifetimes look half over. */
  readonly receivedAtMs: number;
  readonly notAfterMs: number;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;

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
