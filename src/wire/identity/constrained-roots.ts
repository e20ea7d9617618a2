// Roots of several trust domains for one TLS library, each good for its own trust domain alone.
//
// The library verifies a chain with all roots it was given and does not say with which one. So each root is given to it
// with a name constraint (RFC 5280 section 4.2.1.10): the same name, key and dates, and only URIs of its trust domain
// permitted. A trust anchor is believed for being there; its signature, which is void now, is not looked at.

import { createHash, X509Certificate } from 'node:crypto';
import { DerError, derOidText, expectDer, readDer, readDerList } from './der-reader.ts';
import { DER_TAG, der, derOid, derSequence } from './der-writer.ts';
import type { TrustAnchor } from './trust-bundle.ts';

const OID_NAME_CONSTRAINTS = '2.5.29.30';
const OID_SUBJECT_KEY_ID = '2.5.29.14';
/** [3] of a TBSCertificate: extensions. */
const EXTENSIONS = 0xa3;
/** [0] of NameConstraints: permittedSubtrees. */
const PERMITTED = 0xa0;
/** [6] of GeneralName: uniformResourceIdentifier; as a constraint it is a host. */
const URI = 0x86;

/** A root that cannot be told from another, or cannot be constrained. */
export class ConstrainedRootError extends Error {
  readonly code = 'bad_root';
}

/**
 * PEM of the anchors, each limited to its trust domains. One key counts once, whichever certificates it has: it may speak
 * for the trust domains of all of them. Throws ConstrainedRootError.
 */
export function constrainedRootsPem(anchors: readonly TrustAnchor[]): string {
  const domainsOfKey = new Map<string, Set<string>>();
  for (const { certificate, trustDomains = [] } of anchors) {
    const key = keyOf(certificate);
    domainsOfKey.set(key, new Set([...(domainsOfKey.get(key) ?? []), ...trustDomains]));
  }
  refuseDoubles(anchors);
  const pems = anchors.map(({ certificate }) =>
    pemOf(constrained(certificate.raw, [...(domainsOfKey.get(keyOf(certificate)) ?? [])])),
  );
  return [...new Set(pems)].join('');
}

/** The certificate with the hosts of URIs that it permits below it. Throws ConstrainedRootError. */
function constrained(certificate: Uint8Array, hosts: readonly string[]): Buffer {
  try {
    const [tbs, ...signature] = readDerList(expectDer(readDer(certificate), DER_TAG.sequence).content);
    const parts = readDerList(expectDer(tbs, DER_TAG.sequence).content);
    const extensions = parts.find(({ tag }) => tag === EXTENSIONS);
    if (extensions === undefined) throw new ConstrainedRootError('a root is no certificate of version 3');
    const list = readDerList(expectDer(readDer(extensions.content), DER_TAG.sequence).content);
    if (list.some((one) => oidOf(one.content) === OID_NAME_CONSTRAINTS))
      throw new ConstrainedRootError('a root has name constraints, which weft does not apply');
    const subtrees = hosts.map((host) => derSequence(der(URI, Buffer.from(host, 'latin1'))));
    const constraints = derSequence(
      derOid(OID_NAME_CONSTRAINTS),
      der(DER_TAG.boolean, Buffer.from([0xff])),
      der(DER_TAG.octetString, derSequence(der(PERMITTED, ...subtrees))),
    );
    const more = der(EXTENSIONS, derSequence(...list.map(({ whole }) => whole), constraints));
    const body = parts.map((part) => (part === extensions ? more : part.whole));
    return derSequence(derSequence(...body), ...signature.map(({ whole }) => whole));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new ConstrainedRootError(`a root is malformed: ${error.message}`);
  }
}

/** Roots of one name and one key id are one to the library: whoever made the second would shut out the first. */
function refuseDoubles(anchors: readonly TrustAnchor[]): void {
  const seen = new Map<string, TrustAnchor>();
  for (const anchor of anchors) {
    const { certificate } = anchor;
    const id = `${certificate.subject}\0${subjectKeyIdOf(certificate.raw) ?? ''}`;
    const other = seen.get(id);
    if (other !== undefined && keyOf(other.certificate) !== keyOf(certificate))
      throw new ConstrainedRootError(
        `two roots have the name ${JSON.stringify(certificate.subject)} and cannot be told apart`,
      );
    seen.set(id, anchor);
  }
}

function subjectKeyIdOf(certificate: Uint8Array): string | undefined {
  const [tbs] = readDerList(expectDer(readDer(certificate), DER_TAG.sequence).content);
  const extensions = readDerList(expectDer(tbs, DER_TAG.sequence).content).find(
    ({ tag }) => tag === EXTENSIONS,
  );
  if (extensions === undefined) return undefined;
  const list = readDerList(readDer(extensions.content).content);
  const found = list.find(({ content }) => oidOf(content) === OID_SUBJECT_KEY_ID);
  return found && Buffer.from(found.content).toString('hex');
}

function oidOf(extension: Uint8Array): string {
  return derOidText(expectDer(readDerList(extension)[0], DER_TAG.oid).content);
}

/** Name and key: to the library the same issuer. */
function keyOf(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `${certificate.subject}\0${createHash('sha256').update(key).digest('hex')}`;
}

function pemOf(certificate: Buffer): string {
  return new X509Certificate(certificate).toString();
}
