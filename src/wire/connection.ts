import type { Result } from '../lib/result.ts';

// What the proxy sees of a socket. In: bytes from a peer, one callback each. Out: bytes to the peer, with
// back-pressure as a boolean. net.ts makes these over node:net and node:tls; tests and simulation make their own.
// Never happens: a callback after onClose; a callback before handle() was called, or inside of it.

/** Which neighbour something came from: who called us, whom we call, or ourselves. */
export type Side = 'downstream' | 'upstream' | 'internal';

/** Stable names of what goes wrong with connections. */
export type NetErrorCode =
  | 'connection_refused'
  | 'connection_reset'
  | 'connect_timeout'
  | 'handshake_timeout'
  | 'unreachable'
  | 'name_not_found'
  | 'address_in_use'
  | 'address_not_available'
  | 'permission_denied'
  | 'too_many_files'
  | 'tls_protocol'
  | 'tls_peer_refused'
  | 'tls_configuration'
  | 'aborted'
  | 'other';

/** A connection's error as a value. */
export interface NetError {
  readonly code: NetErrorCode;
  readonly side: Side;
  /** True when nothing of a request can have reached the peer: another endpoint may be tried. */
  readonly retryable: boolean;
  /** A sentence for the person who reads the log. */
  readonly message: string;
  /** The system's or TLS library's own code, such as `ECONNREFUSED`; '' when there is none. */
  readonly cause: string;
}

/** What TLS agreed on, and who the peer showed itself to be. Read once, after the handshake. */
export interface TlsInfo {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The chosen application protocol (`h2`, `http/1.1`, `istio`...), '' when none. */
  readonly alpn: string;
  /** The server name the client asked for, '' when none. */
  readonly sni: string;
  readonly peer: TlsPeer;
  /** An earlier session goes on: no certificates were exchanged, `peer` is who it was then. */
  readonly resumed: boolean;
}

/** The other end of a TLS connection, as its certificate says. All empty when it showed none. */
export interface TlsPeer {
  /** The leaf certificate in DER, undefined when the peer showed none. */
  readonly certificate: Uint8Array | undefined;
  /** URI subject alternative names of the leaf (SPIFFE ids). */
  readonly uris: readonly string[];
  /** DNS subject alternative names of the leaf. */
  readonly dnsNames: readonly string[];
  readonly emails?: readonly string[];
  /** In their canonical text. */
  readonly ipAddresses?: readonly string[];
  /**
   * '' when the chain leads to a trusted root and is within its dates; otherwise OpenSSL's code, such as
   * `CERT_HAS_EXPIRED`, `SELF_SIGNED_CERT_IN_CHAIN`, `UNABLE_TO_GET_ISSUER_CERT`, or `NO_CERTIFICATE`.
   */
  readonly chainError: string;
}

/** Who is called back about a connection. One object, replaceable at any time with handle(). */
export interface ConnectionHandlers {
  /** Bytes from the peer. The receiver may keep the buffer: it is never written again, unless the receiver gives it back (lent-bytes.ts). */
  onData(bytes: Buffer): void;
  /** The peer will send nothing more (half-close). Writing goes on: the connection lives until end() or destroy(). */
  onEnd(): void;
  /** After write() returned false: the buffer is empty again. */
  onDrain(): void;
  /** The last callback, exactly once: both directions are over. The error that ended it, if any. */
  onClose(error: NetError | undefined): void;
}

/** A byte stream to a peer. Nothing is read before the first handle(). */
export interface Connection {
  /** `downstream` for an accepted connection, `upstream` for a dialled one. */
  readonly side: Side;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Undefined on a plain connection. */
  readonly tls: TlsInfo | undefined;
  /** The socket's file descriptor, -1 when there is none (any more). For socket options only. */
  readonly fd: number;
  /** True after destroy() or the peer's close: writes are dropped. */
  readonly closed: boolean;
  /** True once the peer has ended its direction (onEnd was or is about to be called). */
  readonly peerEnded: boolean;
  /** Bytes received and sent so far (application bytes on TLS). */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Sets who is called back and starts reading (unless paused by pause()). */
  handle(handlers: ConnectionHandlers): void;
  /** Sends; a string is latin1. False: wait for onDrain before the next write. */
  write(bytes: Uint8Array | string): boolean;
  /** After write(), outside of cork(): nobody else has these bytes. Once they are sent their memory may be read into. */
  recycle?(bytes: Uint8Array): void;
  /** Collects writes until as many uncork() calls: one system call for head and body. */
  cork(): void;
  uncork(): void;
  /** Stops and restarts reading: back-pressure towards the peer. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered, then half-closes. */
  end(): void;
  /** Closes at once; buffered writes are lost. onClose follows. */
  destroy(): void;
  /** Closes at once with a TCP reset, so that the peer sees a failure and not an end. */
  reset(): void;
}

/** A listening socket. */
export interface Listener {
  readonly address: string;
  /** The port that was given, or chosen when 0 was asked; 0 on a Unix socket. */
  readonly port: number;
  /** The file descriptors of its sockets, for handing them over to another process. */
  readonly fds?: readonly number[];
  /** Stops accepting; open connections go on. Resolves when the port is free. */
  close(): Promise<void>;
}

/** A bound socket from elsewhere: a handle that came over IPC, or an inherited file descriptor. */
export type OpenedSocket = { readonly handle: object } | { readonly fd: number };

/** Where to listen: host and port, or a Unix socket's path. */
export interface ListenOptions {
  readonly host?: string;
  readonly port?: number;
  /** A Unix socket; a stale file must be gone before. */
  readonly path?: string;
  /** Several processes (or sockets) on one port; the kernel spreads connections. */
  readonly reusePort?: boolean;
  /** Pending connections in the kernel; 4096 unless told. */
  readonly backlog?: number;
  /** A socket that is bound already, by another process too: host, port and path then only name it. */
  readonly opened?: OpenedSocket;
  readonly onConnection: (connection: Connection) => void;
}

/** The addresses of a connection. */
export type ConnectionEnds = Pick<Connection, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

/** Probes on a connection that is idle: after how long, how far apart, and how many before it counts as lost. */
export interface KeepAlive {
  readonly timeMs: number;
  readonly intervalMs: number;
  readonly probes: number;
}

/** Whom to call. */
export interface ConnectOptions {
  /** An IP address (or a name, which the system resolves), with `port`. */
  readonly host?: string;
  readonly port?: number;
  /** A Unix socket. */
  readonly path?: string;
  /** Of TCP; none unless told. */
  readonly keepAlive?: KeepAlive;
  /** Source address to bind. */
  readonly localAddress?: string;
  /** For the TCP connection and the TLS handshake together. */
  readonly timeoutMs: number;
  /** Bytes that go before everything else, TLS included; made when both ends' addresses are known. */
  readonly preface?: (ends: ConnectionEnds) => Uint8Array;
  /** TLS over the fresh connection. */
  readonly tls?: TlsClientOptions;
  /** Gives up; the result is an error with code `aborted`. */
  readonly signal?: AbortSignal;
}

/** A TLS client's or server's secrets and rules, ready for use: made once per configuration, shared by connections. */
export interface TlsContext {
  readonly kind: 'tls-context';
}

/** What a TLS context is made of. PEM texts; the private key never appears in an error. */
export interface TlsContextOptions {
  /** Chains with their keys, leaf first; several for several key types. */
  readonly certificates: readonly { readonly chainPem: string; readonly privateKeyPem: string }[];
  /** Roots that peers' chains must lead to, concatenated; `'system'`: the runtime's own. Absent: no chain is good. */
  readonly trustedCaPem?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL cipher names joined by ':'. */
  readonly ciphers?: string;
  /** OpenSSL group names joined by ':', best first. */
  readonly curves?: string;
  /** Revocation lists, PEM, concatenated: with any, each certificate of a chain needs its issuer's list. */
  readonly crlPem?: string;
  /** Sessions that may be resumed, as a client (`client`) or as a server; absent: every handshake is a full one. */
  readonly sessions?: 'client' | ServerSessions;
}

/** How a server lets clients resume: by tickets alone, so that nothing is kept and any process with the key knows them. */
export interface ServerSessions {
  /** 48 bytes, secret: who has them can read and make tickets. */
  readonly ticketKey: Uint8Array;
  /** At most 32 characters. A ticket made under another one is no ticket: name everything that peers are judged by. */
  readonly scope: string;
  /** How long a ticket is good; OpenSSL's two hours unless told. */
  readonly lifetimeSeconds?: number;
}

/** A session that a server may go on with. The ticket is secret. */
export interface TlsSession {
  readonly ticket: Buffer;
  /** Who the server was in the handshake that began it. */
  readonly peer: TlsPeer;
}

/** A client's sessions with one server. What is taken must have been made with the same context and server name. */
export interface ClientSessions {
  take(): TlsSession | undefined;
  keep(session: TlsSession): void;
  /** The server did not go on with what was taken. */
  forget(): void;
}

/** Judges the peer after the handshake and before any byte is handed on: undefined to accept, a sentence to refuse. */
export type VerifyPeer = (peer: TlsPeer) => string | undefined;

/** How to call as a TLS client. */
export interface TlsClientOptions {
  readonly context: TlsContext;
  /** '' sends none. */
  readonly sni: string;
  /** Offered in this order. */
  readonly alpn: readonly string[];
  /** There is no other verification than this: a caller that accepts everything trusts everyone. */
  readonly verify: VerifyPeer;
  /** Sessions to go on with; the context must be made for them. */
  readonly sessions?: ClientSessions;
}

/** How to answer as a TLS server. */
export interface TlsServerOptions {
  readonly context: TlsContext;
  /** Accepted, best first; a client that offers none of them goes on without. */
  readonly alpn: readonly string[];
  readonly requestClientCertificate: boolean;
  readonly verify: VerifyPeer;
  readonly timeoutMs: number;
  /** Bytes already read from the connection, in order: they belong to the handshake. */
  readonly peeked?: Uint8Array;
}

/** Datagrams in and out, for DNS. */
export interface UdpSocket {
  readonly address: string;
  readonly port: number;
  /** Sends one datagram, without waiting; lost datagrams are lost. */
  send(bytes: Uint8Array, to: { readonly address: string; readonly port: number }): void;
  close(): Promise<void>;
}

/** Where to receive datagrams (port 0: any), and who gets them. */
export interface UdpOptions {
  readonly host: string;
  readonly port: number;
  /** Several processes on one port; the kernel spreads datagrams by their sender. */
  readonly reusePort?: boolean;
  readonly onMessage: (bytes: Buffer, from: { readonly address: string; readonly port: number }) => void;
}

/** The network as a parameter: net.ts exports the real one, tests and simulation bring their own. */
export interface Network {
  /** Listens; resolves when the port is open. */
  listen(options: ListenOptions): Promise<Result<Listener, NetError>>;
  /** Calls; resolves when the connection (and TLS) stands. Nothing is read before handle(), so nothing is lost. */
  connect(options: ConnectOptions): Promise<Result<Connection, NetError>>;
  /** Turns an accepted plain connection into a TLS one; the plain one must not be used any more, whatever the result. */
  acceptTls(connection: Connection, options: TlsServerOptions): Promise<Result<Connection, NetError>>;
  /** Secrets and rules, checked: a key that does not fit its certificate is an error here and not later. */
  createTlsContext(options: TlsContextOptions): Result<TlsContext, NetError>;
  listenUdp(options: UdpOptions): Promise<Result<UdpSocket, NetError>>;
}
