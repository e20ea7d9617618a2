import { fork } from 'node:child_process';
import type { ToMain } from './messages.ts';
import type { WorkerChannel } from './pool-environment.ts';

/** The first argument of this program when it is started as a worker. */
export const workerFlag = '--worker';

/** Starts `program` (main.ts) as a worker, with the flags of Node that we have (node-flags.ts). It keeps our standard error and access-log streams, and ends with us. */
export function forkWorker(program: string): WorkerChannel {
  const child = fork(program, [workerFlag], {
    serialization: 'advanced', // resources travel as bytes
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return {
    pid: child.pid,
    send(message, handle) {
      // A worker that is just ending is noticed by its exit.
      if (child.connected) child.send(message, handle as Parameters<typeof child.send>[1], {}, () => {});
    },
    onMessage: (receive) => void child.on('message', (message) => receive(message as ToMain)),
    onExit(ended) {
      child.once('exit', (code, signal) =>
        ended(signal === null ? `ended with code ${code ?? 0}` : `was killed by ${signal}`),
      );
      child.on('error', () => {}); // an exit follows, or there never was a process
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
