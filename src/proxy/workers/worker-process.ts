/** One worker as main sees it: questions with answers, its state as it last told, its end. */

import type { AdminAnswer } from '../admin/admin.ts';
import type { RefusedResource } from '../configure/configuration.ts';
import type { DataPlaneSettings } from '../data-plane.ts';
import type { Credentials } from '../identity/credentials.ts';
import { type SocketTarget, type ToWorker, targetKey, type Update, type WorkerState } from './messages.ts';
import type { PoolEnvironment } from './pool-environment.ts';

export interface WorkerProcess {
  /** Resolves with '' when the static configuration runs, or with the reasons why it cannot. */
  readonly started: Promise<string>;
  readonly state: WorkerState;
  listensOn(target: SocketTarget): boolean;
  /** Resolves with nothing refused where the worker is gone: its replacement gets everything anew. */
  apply(update: Update): Promise<readonly RefusedResource[]>;
  setCredentials(credentials: Credentials): void;
  sweep(): void;
  ask(path: string, query: string): Promise<AdminAnswer | undefined>;
  stop(graceMs: number, gently: boolean): Promise<void>;
  kill(): void;
}

/** A worker that does not answer for so long is taken for hung, and replaced. */
const answerTimeoutMs = 30_000;
/** Past its grace, for closing what is still open. */
const stopMarginMs = 2_000;
const nothing: WorkerState = {
  needed: { endpoints: [], routes: [], secrets: [], elsewhere: [] },
  warming: [],
};

export function startWorkerProcess(
  index: number,
  settings: DataPlaneSettings,
  environment: PoolEnvironment,
  onExit: (why: string) => void,
  onState: () => void = () => {},
): WorkerProcess {
  const { clock, sockets, logLevel } = environment;
  const channel = environment.spawn();
  const pending = new Map<number, (answer: unknown) => void>();
  const listening = new Set<string>();
  let state = nothing;
  let gone = false;
  let lastId = 0;
  let startedWith: (reasons: string) => void = () => {};
  const started = new Promise<string>((resolve) => (startedWith = resolve));
  let ended: () => void = () => {};
  const end = new Promise<void>((resolve) => (ended = resolve));

  const question = <T>(make: (id: number) => ToWorker): Promise<T | undefined> => {
    if (gone) return Promise.resolve(undefined);
    const id = ++lastId;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => channel.kill(), answerTimeoutMs);
      pending.set(id, (answer) => {
        timer.cancel();
        resolve(answer as T | undefined);
      });
      channel.send(make(id));
    });
  };
  const answered = (id: number, answer: unknown): void => {
    const resolve = pending.get(id);
    pending.delete(id);
    resolve?.(answer);
  };
  const lend = (id: number, target: SocketTarget): void => {
    const opened = sockets.open(target, index);
    listening.add(targetKey(target));
    if (opened.ok) for (const { handle } of opened.value) channel.send({ kind: 'socket', id }, handle);
    channel.send({ kind: 'socket', id, ...(opened.ok ? {} : { message: opened.error.message }) });
  };

  channel.onMessage((message) => {
    if (message.kind === 'up') channel.send({ kind: 'start', settings, logLevel });
    else if (message.kind === 'started') {
      state = message.state ?? state;
      startedWith(message.reasons);
    } else if (message.kind === 'applied') {
      state = message.state;
      answered(message.id, message.refused);
    } else if (message.kind === 'state') {
      state = message.state;
      onState();
    } else if (message.kind === 'answer') answered(message.id, message.answer);
    else if (message.kind === 'listen') lend(message.id, message.target);
    else {
      listening.delete(targetKey(message.target));
      sockets.release(message.target, index);
    }
  });
  channel.onExit((why) => {
    gone = true;
    for (const id of [...pending.keys()]) answered(id, undefined);
    startedWith(`worker ${index} ${why}`);
    ended();
    onExit(why);
  });

  return {
    started,
    get state() {
      return state;
    },
    listensOn: (target) => listening.has(targetKey(target)),
    apply: async (update) => {
      const refused = await question<readonly RefusedResource[]>((id) => ({ kind: 'apply', id, update }));
      return refused ?? [];
    },
    setCredentials(credentials) {
      if (!gone) channel.send({ kind: 'credentials', credentials });
    },
    sweep() {
      if (!gone) channel.send({ kind: 'sweep' });
    },
    ask: (path, query) => question<AdminAnswer>((id) => ({ kind: 'admin', id, path, query })),
    async stop(graceMs, gently) {
      if (gone) return;
      channel.send({ kind: 'stop', graceMs, gently });
      const timer = clock.setTimeout(() => channel.kill(), graceMs + stopMarginMs);
      await end;
      timer.cancel();
    },
    kill: () => channel.kill(),
  };
}
