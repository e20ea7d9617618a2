/**
 * Restart in place, the old proxy's end. It listens on a Unix socket that only its own user can reach. A successor asks
 * for the listening sockets, starts on them, and says when it is ready; then this proxy takes nothing new, lets what is
 * open finish, and ends. Both listen on the same sockets in between: no connection is refused, none is dropped.
 *
 * The successor asks, this end answers each question with one message (restart/take-over.ts):
 *
 *     hello\n             {"epoch": 3, "sockets": 12, "ticketSeed": "..."}
 *     sockets FROM\n      {"keys": ["tcp 0.0.0.0:80", ...]}, with as many descriptors
 *     ready\n             nothing; the connection closes when this proxy has ended
 */
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fdOf } from '../../wire/sockets/bind.ts';
import { descriptorPassing, MAX_DESCRIPTORS } from '../../wire/sockets/pass-descriptors.ts';
import type { ProcessLog } from '../process-log.ts';

export interface SocketOffer {
  readonly epoch: number;
  /** The sockets of this moment. */
  sockets(): readonly { readonly key: string; readonly fd: number }[];
  /** What TLS session tickets are made from. Secret, as the sockets are. */
  readonly ticketSeed: string;
  /** A successor has come: whatever it starts from has to be on disk now. */
  expected(): void;
}

export interface Offering {
  /** Resolves when a successor is ready. */
  readonly replaced: Promise<void>;
  close(): void;
}

/** The longest question; more is no successor. */
const MAX_QUESTION_BYTES = 256;

/** The Unix socket of a proxy. Throws an Error where its folder is not ours alone. */
export function restartSocketPath(baseId: number, epoch: number): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `weft-restart-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  if (uid !== user || (mode & 0o077) !== 0)
    throw new Error(`${folder} belongs to somebody else or is open to others: sockets are not offered there`);
  return join(folder, `${baseId}.${epoch}.sock`);
}

/** Offers the sockets; resolves when a successor can come. Throws an Error where this machine cannot pass sockets on. */
export async function offerSockets(path: string, offer: SocketOffer, log: ProcessLog): Promise<Offering> {
  const passing = descriptorPassing();
  let replaced: () => void = () => {};
  const wasReplaced = new Promise<void>((resolve) => (replaced = resolve));
  const send = (socket: Socket, answer: object, fds: readonly number[] = []): void => {
    const fd = fdOf((socket as unknown as { _handle?: object })._handle);
    if (!passing.send(fd, Buffer.from(JSON.stringify(answer)), fds)) socket.destroy();
  };
  const answer = (socket: Socket, question: string): void => {
    const [word = '', from = '0'] = question.split(' ');
    if (word === 'hello') {
      log('info', `a successor of epoch ${offer.epoch} starts`);
      offer.expected();
      send(socket, { epoch: offer.epoch, sockets: offer.sockets().length, ticketSeed: offer.ticketSeed });
    } else if (word === 'sockets') {
      const some = offer.sockets().slice(Number(from), Number(from) + MAX_DESCRIPTORS);
      send(
        socket,
        { keys: some.map(({ key }) => key) },
        some.map(({ fd }) => fd),
      );
    } else if (word === 'ready') replaced();
    else socket.destroy();
  };
  const server = createServer((socket) => {
    let text = '';
    socket.unref(); // it closes when this process ends: that is what the successor waits for
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.length > MAX_QUESTION_BYTES) socket.destroy();
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        answer(socket, text.slice(0, end));
        text = text.slice(end + 1);
      }
    });
  });
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  server.unref();
  return { replaced: wasReplaced, close: () => void server.close() };
}
