import { constants, X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
  TLSSocket,
} from 'node:tls';
import { fail, ok, type Result } from '../../lib/result.ts';
import type {
  NetError,
  Side,
  TlsClientOptions,
  TlsContext,
  TlsContextOptions,
  TlsInfo,
  TlsPeer,
  TlsServerOptions,
  TlsSession,
  VerifyPeer,
} from '../connection.ts';
import { parseClientHello } from '../tls/client-hello.ts';
import { subjectAltNames } from '../tls/subject-alt-names.ts';
import { codeOf, netError } from './net-error.ts';

// TLS by OpenSSL, with our own judgement of the peer. OpenSSL builds and checks the chain and says what it thinks of
// it (chainError); `verify` then decides, with the names in the certificate, before a single byte is handed on.
// Never happens: a peer accepted because nobody looked; a session resumed past a change of roots or rules (a server's
// tickets are bound to them, a client's sessions to their context), or past the end of the peer's certificate.

interface NodeTlsContext extends TlsContext {
  readonly secureContext: SecureContext;
}

/** AES-128 first: the same security margin here, a tenth less CPU on bulk data. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Checks and prepares secrets. The error tells OpenSSL's code and nothing of the key. */
export function createTlsContext(options: TlsContextOptions): Result<TlsContext, NetError> {
  try {
    const secureContext = createSecureContext({
      cert: options.certificates.map((certificate) => certificate.chainPem),
      key: options.certificates.map((certificate) => certificate.privateKeyPem),
      ca: trustedRoots(options.trustedCaPem),
      minVersion: options.minVersion ?? 'TLSv1.2',
      maxVersion: options.maxVersion ?? 'TLSv1.3',
      ciphers: options.ciphers ?? CIPHERS,
      honorCipherOrder: true,
      ...(options.curves === undefined ? {} : { ecdhCurve: options.curves }),
      ...(options.crlPem === undefined ? {} : { crl: pemBlocks(options.crlPem) }),
      ...sessionOptions(options.sessions),
    });
    return ok({ kind: 'tls-context', secureContext } satisfies NodeTlsContext as TlsContext);
  } catch (error) {
    const sentence = 'The certificates, key, roots or ciphers of a TLS context are not usable.';
    return fail(netError('tls_configuration', 'internal', false, sentence, codeOf(error)));
  }
}

function sessionOptions(sessions: TlsContextOptions['sessions']): SecureContextOptions {
  const { SSL_OP_NO_TICKET, SSL_OP_NO_RENEGOTIATION } = constants;
  if (sessions === undefined) return { secureOptions: SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION };
  if (sessions === 'client') return { secureOptions: SSL_OP_NO_RENEGOTIATION };
  const { ticketKey, scope, lifetimeSeconds } = sessions;
  return {
    secureOptions: SSL_OP_NO_RENEGOTIATION,
    ticketKeys: Buffer.from(ticketKey),
    sessionIdContext: scope,
    ...(lifetimeSeconds === undefined ? {} : { sessionTimeout: lifetimeSeconds }),
  };
}

/** Node reads one revocation list from each text. */
function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN ([^-]+)-----[\s\S]*?-----END \1-----/g) ?? [text];
}

/** An explicit empty list: without one Node would fall back to the public roots. */
function trustedRoots(pem: string | undefined): string[] {
  if (pem === 'system') return [...rootCertificates];
  return pem === undefined || pem.trim() === '' ? [] : [pem];
}

/** Puts a TLS server over a socket whose first bytes may have been read. The handshake starts on the next tick. */
export function serverTlsSocket(socket: Socket, options: TlsServerOptions): TLSSocket {
  if (options.peeked !== undefined && options.peeked.length > 0) socket.unshift(options.peeked);
  const alpn = acceptableAlpn(options);
  return new TLSSocket(socket, {
    isServer: true,
    secureContext: secureContextOf(options.context),
    requestCert: options.requestClientCertificate,
    rejectUnauthorized: false, // `verify` decides, see judge()
    ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
  });
}

/** OpenSSL would refuse a client that offers none of our protocols; as Envoy we go on without one, if we know in time. */
function acceptableAlpn(options: TlsServerOptions): readonly string[] {
  const hello = options.peeked === undefined ? 'need-more' : parseClientHello(options.peeked);
  if (typeof hello === 'string') return options.alpn;
  return options.alpn.some((protocol) => hello.alpn.includes(protocol)) ? options.alpn : [];
}

/** Where a TLS client socket connects to. */
export interface TlsTarget {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly localAddress?: string;
  /** A connection that stands, in place of an address. */
  readonly socket?: Socket;
}

/** Starts a connection with TLS over it; `secureConnect` follows. `session`: what to go on with. */
export function clientTlsSocket(
  target: TlsTarget,
  options: TlsClientOptions,
  session?: TlsSession,
): TLSSocket {
  const connectOptions = {
    ...target,
    allowHalfOpen: true,
    secureContext: secureContextOf(options.context),
    rejectUnauthorized: false, // `verify` decides, see judge()
    checkServerIdentity: () => undefined,
    // Node falls back to `host` for an absent name; an address is not a name (RFC 6066 §3).
    servername: isIP(options.sni) === 0 ? options.sni : '',
    ...(options.alpn.length > 0 ? { ALPNProtocols: [...options.alpn] } : {}),
    ...(session === undefined ? {} : { session: session.ticket }),
  };
  const socket = connect(connectOptions); // the types know no allowHalfOpen here, Node does
  return socket.setNoDelay(true); // an option of the same name has no effect on TLS
}

/** After the handshake: who the peer is, and whether `verify` accepts it. `offered`: the session a client came with. */
export function judge(
  socket: TLSSocket,
  side: Side,
  verify: VerifyPeer,
  offered?: TlsSession,
): Result<TlsInfo, NetError> {
  const resumed = socket.isSessionReused();
  const peer = resumed ? resumedPeer(socket, offered) : readPeer(socket);
  const refusal = verify(peer);
  if (refusal !== undefined) return fail(netError('tls_peer_refused', side, true, refusal, peer.chainError));
  return ok({
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    alpn: socket.alpnProtocol || '',
    sni: serverName(socket),
    peer,
    resumed,
  });
}

/** A ticket brings a client's certificate back to a server, with OpenSSL's verdict of then; a client has to remember. */
function resumedPeer(socket: TLSSocket, offered: TlsSession | undefined): TlsPeer {
  const peer = offered?.peer ?? readPeer(socket);
  if (peer.chainError !== '' || peer.certificate === undefined) return peer;
  const untilMs = Date.parse(new X509Certificate(peer.certificate).validTo);
  return Date.now() < untilMs ? peer : { ...peer, chainError: 'CERT_HAS_EXPIRED' };
}

function readPeer(socket: TLSSocket): TlsPeer {
  const certificate = socket.getPeerX509Certificate()?.raw;
  if (certificate === undefined) return { certificate, uris: [], dnsNames: [], chainError: 'NO_CERTIFICATE' };
  return { certificate, ...subjectAltNames(certificate), chainError: chainErrorOf(socket) };
}

/** OpenSSL's verdict on the chain, '' when good. A runtime that does not tell it is a runtime we do not trust. */
function chainErrorOf(socket: TLSSocket): string {
  const handle = (socket as unknown as { _handle?: { verifyError?: () => unknown } | null })._handle;
  if (typeof handle?.verifyError !== 'function') return 'VERDICT_NOT_AVAILABLE';
  const error = handle.verifyError();
  if (error === null || error === undefined) return '';
  return codeOf(error) || 'UNSPECIFIED';
}

function serverName(socket: TLSSocket): string {
  const name = (socket as unknown as { servername?: unknown }).servername;
  return typeof name === 'string' ? name.toLowerCase() : '';
}

function secureContextOf(context: TlsContext): SecureContext {
  return (context as NodeTlsContext).secureContext;
}
