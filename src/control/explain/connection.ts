import type { Certificate } from './certificate.ts';

/** A connection as a proxy sees it come, with every layer of TLS around its content. */

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** TLS that somebody began. */
export interface TlsLayer {
  /** `client`: the application that calls, on its own account. */
  readonly by: 'client' | 'proxy';
  /** '' for none. */
  readonly serverName: string;
  readonly alpn: readonly string[];
  /** What the one who began it can show: a SPIFFE id, `certificate` for one from elsewhere, '' for nothing. */
  readonly shows: string;
  /** That certificate, where an object holds it. */
  readonly certificate?: Certificate;
  /** Names that it takes of the other end; empty: any that it trusts. */
  readonly expects: readonly string[];
  /** With certificates of the mesh at both ends. */
  readonly mesh: boolean;
}

export interface Connection {
  readonly source: SocketAddress;
  /** As it was called, before anybody redirected it. */
  readonly destination: SocketAddress;
  /** The outermost first. */
  readonly layers: readonly TlsLayer[];
  /** What is in the innermost. */
  readonly content: 'http/1.1' | 'h2c' | 'tcp';
}

/** `10.0.0.1:80`, `[::1]:80`; `port 80` of who has no known address. */
export function addressText({ address, port }: SocketAddress): string {
  if (address === '') return `port ${port}`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
