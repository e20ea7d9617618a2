/** What is to be known of a certificate. */
export interface Certificate {
  /** Subject alternative names, by Envoy's names of their kinds. */
  readonly names: readonly { readonly type: 'DNS' | 'URI' | 'EMAIL' | 'IP_ADDRESS'; readonly name: string }[];
  /** SHA-256 of the certificate, lower-case hex without colons. */
  readonly hash: string;
  /** SHA-256 of its public key (SPKI), base64. */
  readonly keyHash: string;
  readonly keyType: 'ec' | 'rsa';
  /** Whether one of the authorities in a PEM text signed it. */
  issuedBy(authorities: string): boolean;
  /** Whether a revocation list (PEM) names it. */
  revokedBy(list: string): boolean;
}

/** Reads the first certificate of a PEM text; undefined where there is none. */
export type ReadCertificate = (pem: string) => Certificate | undefined;
