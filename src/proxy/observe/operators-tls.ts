import { X509Certificate } from 'node:crypto';
import type { TlsInfo } from '../../wire/connection.ts';
import { compileTime } from './format-time.ts';
import type { MakeCommand, Operator } from './operator.ts';
import { upstreamTls } from './operators-upstream.ts';
import type { StreamFacts } from './stream-facts.ts';

// TLS of both connections, and the certificates that were shown. A certificate is parsed when an entry first wants it.

type InfoOf = (facts: StreamFacts) => TlsInfo | undefined;

const parsed = new WeakMap<Uint8Array, X509Certificate>();

function certificateOf(info: TlsInfo | undefined): X509Certificate | undefined {
  const der = info?.peer.certificate;
  if (der === undefined) return undefined;
  let certificate = parsed.get(der);
  if (certificate === undefined) parsed.set(der, (certificate = new X509Certificate(der)));
  return certificate;
}

const downstream: InfoOf = (facts) => facts.downstream.connection.tls;

/** Names of one kind, joined by commas; undefined for none. */
function names(list: readonly string[] | undefined): string | undefined {
  return list === undefined || list.length === 0 ? undefined : list.join(',');
}

/** `URI:spiffe://a, DNS:b, IP Address:1.2.3.4, email:x@y` */
function alternativeNames(certificate: X509Certificate | undefined, kind: string): string | undefined {
  const all = certificate?.subjectAltName?.split(', ') ?? [];
  return names(all.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length)));
}

/** RFC 2253: node prints one attribute a line, the most significant first; the reverse is wanted. */
function distinguishedName(lines: string | undefined): string | undefined {
  return lines
    ?.split('\n')
    .filter((line) => line !== '')
    .reverse()
    .join(',');
}

function plainHex(text: string | undefined): string | undefined {
  return text?.replaceAll(':', '').toLowerCase();
}

function peerOperators(side: 'DOWNSTREAM' | 'UPSTREAM', info: InfoOf): Readonly<Record<string, Operator>> {
  const certificate = (facts: StreamFacts) => certificateOf(info(facts));
  return {
    [`${side}_TLS_VERSION`]: (f) => info(f)?.protocol,
    [`${side}_TLS_CIPHER`]: (f) => info(f)?.cipher,
    [`${side}_PEER_URI_SAN`]: (f) => names(info(f)?.peer.uris),
    [`${side}_PEER_DNS_SAN`]: (f) => names(info(f)?.peer.dnsNames),
    [`${side}_PEER_IP_SAN`]: (f) => alternativeNames(certificate(f), 'IP Address:'),
    [`${side}_PEER_SUBJECT`]: (f) => distinguishedName(certificate(f)?.subject),
    [`${side}_PEER_ISSUER`]: (f) => distinguishedName(certificate(f)?.issuer),
    [`${side}_PEER_CERT`]: (f) => {
      const pem = certificate(f)?.toString();
      return pem === undefined ? undefined : encodeURIComponent(pem);
    },
  };
}

export const TLS_OPERATORS: Readonly<Record<string, Operator>> = {
  ...peerOperators('UPSTREAM', upstreamTls),
  ...peerOperators('DOWNSTREAM', downstream),
  DOWNSTREAM_TLS_VERSION: (f) => f.tlsVersion,
  DOWNSTREAM_PEER_URI_SAN: (f) => f.peerCertificate?.uri || undefined,
  DOWNSTREAM_PEER_SUBJECT: (f) => f.peerCertificate?.subject,
  DOWNSTREAM_PEER_FINGERPRINT_256: (f) => f.peerCertificate?.hash,
  DOWNSTREAM_PEER_FINGERPRINT_1: (f) => plainHex(certificateOf(downstream(f))?.fingerprint),
  DOWNSTREAM_PEER_SERIAL: (f) => plainHex(certificateOf(downstream(f))?.serialNumber),
  DOWNSTREAM_PEER_EMAIL_SAN: (f) => alternativeNames(certificateOf(downstream(f)), 'email:'),
  DOWNSTREAM_LOCAL_URI_SAN: (f) => f.downstream.tls?.localUri || undefined,
};

/** From and until when a certificate holds, with a strftime format. */
export const TLS_COMMANDS: Readonly<Record<string, MakeCommand>> = {
  DOWNSTREAM_PEER_CERT_V_START: (format) => validity(downstream, 'validFrom', format),
  DOWNSTREAM_PEER_CERT_V_END: (format) => validity(downstream, 'validTo', format),
  UPSTREAM_PEER_CERT_V_START: (format) => validity(upstreamTls, 'validFrom', format),
  UPSTREAM_PEER_CERT_V_END: (format) => validity(upstreamTls, 'validTo', format),
};

function validity(info: InfoOf, which: 'validFrom' | 'validTo', format: string): { readonly text: Operator } {
  const print = compileTime(format, false);
  return {
    text: (facts) => {
      const time = certificateOf(info(facts))?.[which];
      return time === undefined ? undefined : print(Date.parse(time));
    },
  };
}
