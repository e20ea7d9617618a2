import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { type CertificateFiles, HOST, type Protocol, type Tls } from './hop.ts';

/** Room for one request at a time: a connection of HTTP/1.1, or a stream of HTTP/2. */
export interface Client {
  /** Sends a request; `done` is called once, with whether a whole response with status 200 came. */
  send(done: (isOk: boolean) => void): void;
  close(): void;
}

/** Where clients go, and what they say. */
export interface Target {
  readonly port: number;
  readonly protocol: Protocol;
  readonly tls: Tls;
  /** Sent and expected back; requests without body ask by GET. */
  readonly requestBytes: number;
  readonly files: CertificateFiles;
}

const CONNECT_LIMIT_MS = 10_000;
const contexts = new Map<string, SecureContext>();

/** A connection that is established, with its handshake done. */
export function openSocket({ port, tls, files }: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const at = { host: '127.0.0.1', port, noDelay: true };
    const socket = tls === 'none' ? connect(at) : connectTls({ ...at, ...tlsOptions(files, tls) });
    const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), CONNECT_LIMIT_MS);
    socket.once('error', reject);
    socket.once(tls === 'none' ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.removeListener('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}

/** The context is kept: making it reads files and is no part of a handshake. */
function tlsOptions(files: CertificateFiles, tls: Tls) {
  const key = `${files.chain} ${tls}`;
  const own = { cert: readFileSync(files.chain), key: readFileSync(files.key) };
  const secureContext =
    contexts.get(key) ??
    createSecureContext({ ca: readFileSync(files.root), ...(tls === 'mutual' ? own : {}) });
  contexts.set(key, secureContext);
  return { secureContext, servername: HOST };
}
