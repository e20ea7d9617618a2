/**
 * The secrets of this proxy by SDS name: its own certificate (`default`), the trust bundle (`ROOTCA`), and what ADS
 * delivers. TLS contexts read them when a connection is made, so a renewed certificate needs no new listener.
 * Never here: writing a key anywhere.
 */
import type { CertificateValidationContext } from '../../xds/tls-types.ts';

/** A certificate chain with its key, PEM. The key is secret. */
export interface CertificateSecret {
  readonly chainPem: string;
  readonly privateKeyPem: string;
}

/** What a peer's certificate is held to. */
export interface ValidationSecret {
  /** '' where the secret names no roots. */
  readonly trustedCaPem: string;
  /** What else the message says, lowered once without a refusal. */
  readonly rules?: CertificateValidationContext;
}

export interface Secrets {
  certificate(name: string): CertificateSecret | undefined;
  validation(name: string): ValidationSecret | undefined;
  setCertificate(name: string, secret: CertificateSecret): void;
  setValidation(name: string, secret: ValidationSecret): void;
  remove(name: string): void;
  /** Goes up with every change: what was built from secrets is good as long as this stands. */
  readonly version: number;
  /** Calls back after each change; the returned function ends it. */
  subscribe(listener: () => void): () => void;
}

/** More secrets than this are refused: a gateway of a thousand hosts stays below. */
export const MAX_SECRETS = 10_000;

export function createSecrets(): Secrets {
  const certificates = new Map<string, CertificateSecret>();
  const validations = new Map<string, ValidationSecret>();
  const listeners = new Set<() => void>();
  let version = 0;
  const changed = (): void => {
    version += 1;
    for (const listener of listeners) listener();
  };
  const put = <T>(map: Map<string, T>, name: string, secret: T): void => {
    if (map.size >= MAX_SECRETS && !map.has(name)) throw new RangeError(`more than ${MAX_SECRETS} secrets`);
    map.set(name, secret);
    changed();
  };
  return {
    certificate: (name) => certificates.get(name),
    validation: (name) => validations.get(name),
    setCertificate: (name, secret) => put(certificates, name, secret),
    setValidation: (name, secret) => put(validations, name, secret),
    remove(name) {
      const had = certificates.delete(name);
      if (validations.delete(name) || had) changed();
    },
    get version() {
      return version;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
