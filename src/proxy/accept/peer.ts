import { X509Certificate } from 'node:crypto';
import type { TlsInfo } from '../../wire/connection.ts';
import type { DownstreamTls, PeerIdentity } from '../runtime.ts';

/** What filters see of a TLS connection. The certificate is parsed when somebody asks for more than its URI. */
export function downstreamTls(info: TlsInfo, localUri: string, validated: boolean): DownstreamTls {
  const { certificate, uris, dnsNames } = info.peer;
  return {
    alpn: info.alpn,
    sni: info.sni,
    version: info.protocol,
    localUri,
    validated,
    peer: certificate === undefined ? undefined : new CertificatePeer(uris[0] ?? '', dnsNames, certificate),
  };
}

class CertificatePeer implements PeerIdentity {
  readonly uri: string;
  readonly dnsNames: readonly string[];
  readonly #der: Uint8Array;
  #parsed: X509Certificate | undefined;

  constructor(uri: string, dnsNames: readonly string[], der: Uint8Array) {
    this.uri = uri;
    this.dnsNames = dnsNames;
    this.#der = der;
  }

  get subject(): string {
    // Node prints one attribute a line, the most significant first; RFC 2253 wants the reverse, joined by commas.
    const lines = (this.#certificate().subject ?? '').split('\n').filter((line) => line !== '');
    return lines.reverse().join(',');
  }

  get pem(): string {
    return this.#certificate().toString();
  }

  get hash(): string {
    return this.#certificate().fingerprint256.replaceAll(':', '').toLowerCase();
  }

  #certificate(): X509Certificate {
    this.#parsed ??= new X509Certificate(this.#der);
    return this.#parsed;
  }
}
