// What the CA answered, checked before anything is served with it: a leaf for our key and our identity, and roots.

import { createPrivateKey } from 'node:crypto';
import { readCertificateFields } from './certificate-fields.ts';
import type { CertificateResponse } from './certificate-messages.ts';
import { certificatesFromPem } from './trust-bundle.ts';

/** A certificate ready for TLS, without its key. */
export interface IssuedIdentity {
  /** The leaf and its intermediates, PEM. */
  readonly chainPem: string;
  /** The trust bundle, PEM: every root the CA wants trusted. */
  readonly rootsPem: string;
  /** Validity of the leaf, wall time in milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type IssuedResult =
  | { readonly ok: true; readonly identity: IssuedIdentity }
  | { readonly ok: false; readonly reason: string };

/** Reads a response of CreateCertificate for the key and the id that the request was made with. Never throws. */
export function readIssued(
  response: CertificateResponse,
  privateKeyPem: string,
  spiffeId: string,
): IssuedResult {
  const roots = response.certChain.at(-1);
  const chain = response.certChain.slice(0, -1);
  if (roots === undefined || chain.length === 0) return refuse('holds no chain with roots at its end');
  try {
    const [leaf] = certificatesFromPem(chain.join('\n'));
    if (leaf === undefined || certificatesFromPem(roots).length === 0) return refuse('lacks a leaf or roots');
    if (!leaf.checkPrivateKey(createPrivateKey(privateKeyPem))) return refuse('is for another key than ours');
    const { uris, notBeforeMs, notAfterMs } = readCertificateFields(leaf.raw);
    if (uris.length !== 1 || uris[0] !== spiffeId) return refuse(`is not for ${spiffeId}`);
    return {
      ok: true,
      identity: { chainPem: joinPem(chain), rootsPem: joinPem([roots]), notBeforeMs, notAfterMs },
    };
  } catch {
    return refuse('cannot be read');
  }
}

/** PEM blocks one after another, each on a line of its own: some CAs send them without a line end. */
function joinPem(blocks: readonly string[]): string {
  return blocks.map((block) => `${block.trim()}\n`).join('');
}

function refuse(what: string): IssuedResult {
  return { ok: false, reason: `the certificate from the CA ${what}` };
}
