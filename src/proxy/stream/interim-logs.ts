import { Deadline } from '../../lib/deadlines.ts';
import type { LogType, StreamFacts } from '../observe/stream-facts.ts';
import type { HttpManager, InterimLogSettings } from './manager.ts';

/** A stream whose entries say when they are written. */
export interface LoggedStream extends StreamFacts {
  logType: LogType;
  readonly manager: HttpManager;
}

/** The entries of one stream before its last one, where the connection manager wants any. */
export class InterimLogs {
  readonly #stream: LoggedStream;
  readonly #timer: Deadline | undefined;

  constructor(stream: LoggedStream, { onStart, everyMs }: InterimLogSettings) {
    this.#stream = stream;
    if (onStart) this.#write('DownstreamStart');
    if (everyMs === 0) return;
    const { deadlines } = stream.manager;
    const timer = new Deadline(() => {
      this.#write('DownstreamPeriodic');
      deadlines.set(timer, everyMs);
    });
    this.#timer = timer;
    deadlines.set(timer, everyMs);
  }

  stop(): void {
    if (this.#timer !== undefined) this.#stream.manager.deadlines.clear(this.#timer);
  }

  #write(type: LogType): void {
    const stream = this.#stream;
    stream.logType = type;
    stream.manager.log(stream);
    stream.logType = 'DownstreamEnd';
  }
}
