import { isIP } from 'node:net';
import type { TlsClientOptions } from '../../wire/connection.ts';
import type { AutoServerName } from './cluster-config.ts';

/** The server that a TLS connection is made to. */
export interface ServerName {
  /** Lower case, without port. */
  readonly name: string;
  /** The certificate must name it. */
  readonly validate: boolean;
}

/** What the name is read from. */
export interface NamedRequest {
  readonly authority: string;
  header(name: string): string | undefined;
}

/** The name a request asks for; undefined where it names none, and the transport socket's counts. */
export function serverNameOf(auto: AutoServerName, request: NamedRequest): ServerName | undefined {
  const text = (auto.header === '' ? undefined : request.header(auto.header)) ?? request.authority;
  const host = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(text);
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase();
  return name === '' ? undefined : { name, validate: auto.validate };
}

/** TLS to the server of that name: SNI, and the certificate's names as the request wants them. */
export function withServerName(options: TlsClientOptions, { name, validate }: ServerName): TlsClientOptions {
  const sni = isIP(name) === 0 ? name : options.sni;
  if (!validate) return { ...options, sni };
  return {
    ...options,
    sni,
    verify: (peer) =>
      options.verify(peer) ??
      (peer.dnsNames.some((pattern) => namesHost(pattern.toLowerCase(), name))
        ? undefined
        : `The certificate names ${peer.dnsNames.join(', ') || 'nobody'}, and not ${name}.`),
  };
}

/** Whether a certificate's DNS name is the host's: `*.` stands for one label (RFC 9525 §6.3). */
function namesHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}
