import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';

// Passes connections on, byte for byte: from the machine's ports over Unix sockets, which cross network namespaces,
// to a gateway's port inside. Half-closed connections stay half-closed, and a slow side slows the other (pipes).

/** Connections through one relay at once; more wait in the kernel's queue or are refused. */
export const MAX_RELAYED = 4_096;
/** A connection waits for its target so long. */
const PATIENCE_MS = 30_000;
/** Between attempts to connect. */
const RETRY_MS = 50;

/** The far end: a socket's address, or undefined while there is none. */
export type RelayTarget = () =>
  | { readonly path: string }
  | { readonly host: string; readonly port: number }
  | undefined;

/** A relay that listens. */
export interface Relay {
  /** The TCP port, or 0 for a Unix socket. */
  readonly port: number;
  close(): void;
}

/** Listens and passes every connection on. Rejects when it cannot listen (EADDRINUSE). */
export async function openRelay(listen: ListenOptions, target: RelayTarget): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    passOn(socket, target, Date.now() + PATIENCE_MS);
  });
  server.maxConnections = MAX_RELAYED;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, () => {
      server.off('error', reject);
      server.on('error', () => {}); // a failed accept: that connection is lost, the rest goes on
      resolve();
    });
  });
  return {
    port: portOf(server),
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Tries again until the target is there: what runs inside may still be starting, or starting again. */
function passOn(near: Socket, target: RelayTarget, untilMs: number): void {
  if (near.destroyed) return;
  const again = (): void => {
    if (Date.now() < untilMs) setTimeout(() => passOn(near, target, untilMs), RETRY_MS);
    else near.destroy();
  };
  const address = target();
  if (address === undefined) {
    again();
    return;
  }
  const far = connect({ ...address, allowHalfOpen: true });
  far.once('error', again);
  far.once('connect', () => {
    far.off('error', again);
    join(near, far);
  });
}

function join(near: Socket, far: Socket): void {
  near.setNoDelay(true);
  far.setNoDelay(true);
  for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
    socket.on('error', () => socket.destroy());
    socket.on('close', (broken) => (broken ? reset(other) : other.destroy()));
    socket.pipe(other); // ends the other when this one ends, and only its writing half
  }
}

/** Passes a break on as one. A Unix socket knows no reset: there it arrives as an end. */
function reset(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
