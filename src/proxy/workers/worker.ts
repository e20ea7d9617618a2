/** A worker process: a data plane that main steers. It ends with main, and on nothing else's word. */
import type { Network } from '../../wire/connection.ts';
import { type DataPlane, startDataPlane } from '../data-plane.ts';
import type { ProxyEnvironment } from '../environment.ts';
import type { LogLevel } from '../process-log.ts';
import { lendingNetwork } from './lent-sockets.ts';
import type { ToMain, ToWorker, WorkerState } from './messages.ts';

/** The channel to main: of process, or of a test. */
export interface MainChannel {
  send(message: ToMain): void;
  /** A message, with a socket where one was asked for. */
  onMessage(receive: (message: ToWorker, handle: object | undefined) => void): void;
}

/** Serves until main says stop; then calls `exit`. */
export function serveWorker(
  channel: MainChannel,
  environmentFor: (logLevel: LogLevel) => ProxyEnvironment,
  exit: () => void,
): void {
  let plane: DataPlane | undefined;
  let sockets: ReturnType<typeof lendingNetwork> | undefined;
  let lastState = '';
  const state = (): WorkerState => {
    const current = { needed: plane!.needed(), warming: plane!.warming() };
    lastState = JSON.stringify(current);
    return current;
  };
  const settled = (): void => {
    if (plane === undefined) return;
    const before = lastState;
    const current = state();
    if (before !== lastState) channel.send({ kind: 'state', state: current });
  };
  const start = async (message: Extract<ToWorker, { kind: 'start' }>): Promise<void> => {
    const environment = environmentFor(message.logLevel);
    sockets = lendingNetwork(environment.network, channel.send);
    const network: Network = sockets.network;
    try {
      plane = await startDataPlane(message.settings, { ...environment, network }, settled);
      plane.onNeeds(settled);
      channel.send({ kind: 'started', state: state(), reasons: '' });
    } catch (error) {
      channel.send({ kind: 'started', state: undefined, reasons: (error as Error).message });
    }
  };
  const apply = async ({ id, update }: Extract<ToWorker, { kind: 'apply' }>): Promise<void> => {
    const refused = await plane!.apply(update.typeUrl, update.resources, update.removed);
    channel.send({ kind: 'applied', id, refused, state: state() });
  };
  const answer = async ({ id, path, query }: Extract<ToWorker, { kind: 'admin' }>): Promise<void> => {
    let body: string;
    try {
      const route = plane!.routes.get(path);
      if (route === undefined) throw new Error(`${path} is not answered by a worker`);
      channel.send({ kind: 'answer', id, answer: await route.answer(new URLSearchParams(query)) });
      return;
    } catch (error) {
      body = `${(error as Error).message}\n`;
    }
    channel.send({ kind: 'answer', id, answer: { status: 500, body } });
  };
  channel.onMessage((message, handle) => {
    if (message.kind === 'start') void start(message);
    else if (message.kind === 'apply') void apply(message);
    else if (message.kind === 'credentials') plane?.setCredentials(message.credentials);
    else if (message.kind === 'sweep') plane?.sweep();
    else if (message.kind === 'admin') void answer(message);
    else if (message.kind === 'socket') sockets?.receive(message, handle);
    else if (plane === undefined) exit();
    else void plane.stop(message.graceMs, message.gently).then(exit);
  });
  channel.send({ kind: 'up' });
}
