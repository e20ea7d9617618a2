// A certificate from a plan: the one place that writes X.509.

import './reflect-metadata.ts';
import { X509Certificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsagesExtension,
  X509Certificate as LibraryCertificate,
  Name,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { KEY_USAGES, type KeyUsage } from '../wire/identity/certificate-fields.ts';
import type { SigningKey } from './signing-key.ts';

/** What a certificate shall say. Times are wall time in milliseconds since 1970, cut to whole seconds. */
export interface CertificatePlan {
  /** RFC 4514 text, such as `O=cluster.local`; empty for a leaf, whose identity is in its names. */
  readonly subject: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Uint8Array;
  readonly serialHex: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isCa: boolean;
  readonly pathLength?: number;
  readonly keyUsage: readonly KeyUsage[];
  /** Dotted object identifiers; empty leaves the extension out. */
  readonly extendedKeyUsage: readonly string[];
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** Who signs: a CA's key with the name and key id of its certificate; without `certificate` the plan signs itself. */
export interface CertificateSigner {
  readonly key: SigningKey;
  readonly certificate?: X509Certificate;
}

/** Purposes of a leaf, RFC 5280 4.2.1.12. */
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Builds and signs. Takes 1 to 2 ms. Throws on plans that X.509 cannot say. */
export async function buildCertificate(
  plan: CertificatePlan,
  signer: CertificateSigner,
): Promise<X509Certificate> {
  const publicKey = new PublicKey(toBytes(plan.publicKeyDer));
  const subject = new Name(plan.subject);
  const keyId = await SubjectKeyIdentifierExtension.create(publicKey);
  const issuer = signer.certificate && (await issuerOf(signer.certificate));
  const built = await X509CertificateGenerator.create({
    serialNumber: plan.serialHex,
    subject,
    issuer: issuer?.name ?? subject,
    notBefore: wholeSecond(plan.notBeforeMs),
    notAfter: wholeSecond(plan.notAfterMs),
    publicKey,
    signingKey: signer.key.privateKey,
    signingAlgorithm: signer.key.algorithm,
    extensions: [
      ...extensionsOf(plan),
      keyId,
      new AuthorityKeyIdentifierExtension(issuer?.keyId ?? keyId.keyId),
    ],
  });
  return new X509Certificate(Buffer.from(built.rawData));
}

function extensionsOf(plan: CertificatePlan): Extension[] {
  const usageBits = plan.keyUsage.reduce((bits, usage) => bits | (1 << KEY_USAGES.indexOf(usage)), 0);
  const extensions: Extension[] = [
    new BasicConstraintsExtension(plan.isCa, plan.pathLength, true),
    new KeyUsagesExtension(usageBits, true),
  ];
  if (plan.extendedKeyUsage.length > 0) {
    extensions.push(new ExtendedKeyUsageExtension([...plan.extendedKeyUsage]));
  }
  const names = [
    ...(plan.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(plan.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(plan.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  // RFC 5280 4.2.1.6: critical when the subject is empty.
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names, plan.subject === ''));
  return extensions;
}

interface IssuerName {
  readonly name: Name;
  readonly keyId: string;
}

const issuers = new WeakMap<X509Certificate, IssuerName>();

/** Name and key id as the issuer's certificate has them, byte for byte: others may encode names in other types. */
async function issuerOf(certificate: X509Certificate): Promise<IssuerName> {
  const known = issuers.get(certificate);
  if (known !== undefined) return known;
  const parsed = new LibraryCertificate(toBytes(certificate.raw));
  const keyId =
    parsed.getExtension(SubjectKeyIdentifierExtension) ??
    (await SubjectKeyIdentifierExtension.create(parsed.publicKey));
  const issuer = { name: parsed.subjectName, keyId: keyId.keyId };
  issuers.set(certificate, issuer);
  return issuer;
}

function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

/** A copy with its own memory: views into a shared pool confuse parsers that look at `.buffer`. */
function toBytes(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
