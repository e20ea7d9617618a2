/** Why the CA cannot start or go on; stable, for scripts. */
export type CaErrorCode =
  | 'ca_files_incomplete'
  | 'ca_file_unreadable'
  | 'ca_key_readable_by_others'
  | 'ca_key_unusable'
  | 'ca_key_mismatch'
  | 'ca_certificate_unusable'
  | 'ca_chain_broken'
  | 'ca_expired'
  | 'ca_not_ours'
  | 'ca_rotating'
  | 'jwks_unusable';

/** An error of the CA's own files. The message is for the operator: it names files, never what keys hold. */
export class CaError extends Error {
  override readonly name = 'CaError';
  readonly code: CaErrorCode;

  constructor(code: CaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
