import type { ProxyEnvironment } from '../environment.ts';
import { createProcessLog, type LeveledLog } from '../process-log.ts';
import type { ToWorker } from './messages.ts';
import { serveWorker } from './worker.ts';

/** Makes this process a worker of the one that forked it. */
export function serveAsWorker(environmentOf: (log: LeveledLog) => ProxyEnvironment): void {
  // Signals of a terminal or a supervisor reach the whole group: main decides what they mean.
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => {});
  process.once('disconnect', () => process.exit(0));
  serveWorker(
    {
      send: (message) => void process.send?.(message, undefined, {}, () => {}),
      onMessage: (receive) =>
        void process.on('message', (message, handle) =>
          receive(message as ToWorker, handle as object | undefined),
        ),
    },
    (level) => environmentOf(createProcessLog(level, Date.now, writeStderr)),
    () => process.exit(0),
  );
}

function writeStderr(line: string): void {
  process.stderr.write(line);
}
