/** Restart in place, the new proxy's end: asks the old one for its listening sockets (restart/offer.ts tells how). */
import { closeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { fdOf } from '../../wire/sockets/bind.ts';
import { descriptorPassing } from '../../wire/sockets/pass-descriptors.ts';

export interface TakenOver {
  /** Descriptors by key; whoever uses one takes it out. */
  readonly sockets: Map<string, number[]>;
  /** What the old proxy makes TLS session tickets from; undefined where it does not tell. */
  readonly ticketSeed: string | undefined;
  /** This proxy serves: the old one may go. Sockets that nobody took are closed. */
  ready(): void;
  /** Resolves when the old proxy has ended. */
  readonly ended: Promise<void>;
}

interface Hello {
  readonly epoch: number;
  readonly sockets: number;
  readonly ticketSeed?: string;
}

/** For one answer. */
const answerTimeoutMs = 5_000;
const pollMs = 2;

/** Connects to the proxy of `epoch` at `path`. Throws an Error where there is none, or it does not answer. */
export async function takeOver(path: string, epoch: number, clock: Clock): Promise<TakenOver> {
  const passing = descriptorPassing();
  const socket = await connected(path, epoch);
  const fd = fdOf((socket as unknown as { _handle?: object })._handle);
  const ask = async (question: string) => {
    socket.write(`${question}\n`);
    const untilMs = clock.monotonicMs() + answerTimeoutMs;
    while (clock.monotonicMs() < untilMs) {
      const received = passing.receive(fd);
      if (received !== undefined) return { answer: JSON.parse(String(received.bytes)), fds: received.fds };
      // Not the clock's timer: a socket that nobody reads does not keep the process, this has to.
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    throw new Error(`the proxy at ${path} does not answer`);
  };

  const { answer: hello } = (await ask('hello')) as { answer: Hello };
  if (hello.epoch !== epoch) throw new Error(`the proxy at ${path} is of epoch ${hello.epoch}, not ${epoch}`);
  const sockets = new Map<string, number[]>();
  for (let from = 0; from < hello.sockets; ) {
    const { answer, fds } = await ask(`sockets ${from}`);
    const { keys } = answer as { keys: readonly string[] };
    if (keys.length === 0 || keys.length !== fds.length)
      throw new Error(`the proxy at ${path} answers wrongly`);
    for (const [i, key] of keys.entries()) sockets.set(key, [...(sockets.get(key) ?? []), fds[i]!]);
    from += keys.length;
  }
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    sockets,
    ticketSeed: hello.ticketSeed,
    ended,
    ready() {
      for (const unused of [...sockets.values()].flat()) closeSync(unused);
      sockets.clear();
      socket.write('ready\n');
      socket.resume();
      socket.unref();
    },
  };
}

/** Paused from the start: Node would read the answers and lose the descriptors that come with them. */
function connected(path: string, epoch: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.pause();
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`no proxy of epoch ${epoch} offers its sockets at ${path} (${error.code})`)),
    );
    socket.once('connect', () => {
      socket.removeAllListeners('error').on('error', () => {});
      resolve(socket);
    });
  });
}
