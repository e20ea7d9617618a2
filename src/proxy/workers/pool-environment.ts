import type { Clock } from '../../lib/clock.ts';
import type { LogLevel, ProcessLog } from '../process-log.ts';
import type { ToMain, ToWorker } from './messages.ts';
import type { SharedSockets } from './shared-sockets.ts';

/** What the pool of workers needs from outside. */
export interface PoolEnvironment {
  readonly clock: Clock;
  readonly log: ProcessLog;
  readonly logLevel: LogLevel;
  readonly sockets: SharedSockets;
  /** Starts a process that runs serveWorker(). */
  readonly spawn: () => WorkerChannel;
}

/** A process that runs serveWorker(). */
export interface WorkerChannel {
  readonly pid: number | undefined;
  send(message: ToWorker, handle?: object): void;
  onMessage(receive: (message: ToMain) => void): void;
  /** The process has ended; `why` as in 'was killed by SIGKILL'. Called once. */
  onExit(ended: (why: string) => void): void;
  kill(): void;
}
