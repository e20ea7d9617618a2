/** A certificate with its key and the roots it came with. `privateKeyPem` is secret. */
export interface Credentials {
  /** Leaf first, then intermediates. */
  readonly chainPem: string;
  readonly privateKeyPem: string;
  readonly rootsPem: string;
  /** Wall times. */
  readonly receivedAtMs: number;
  readonly notAfterMs: number;
}
