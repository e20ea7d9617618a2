import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../../lib/clock.ts';
import type { ResponseFlags } from '../../../observe/response-flags.ts';
import type { LogType } from '../../../observe/stream-facts.ts';
import { RequestlessFacts } from '../../../stream/connection-facts.ts';
import type { ConnectionView } from '../../../stream/connection-view.ts';

/** What can be logged of a TCP connection. */
export class TunnelFacts extends RequestlessFacts {
  logType: LogType = 'TcpConnectionEnd';
  readonly #clock: Clock;
  #endedMs = -1;
  #streamId: string | undefined;

  constructor(connection: ConnectionView, clock: Clock) {
    super(connection, clock);
    this.#clock = clock;
  }

  /** Made when somebody asks: most connections are logged nowhere. */
  get streamId(): string {
    this.#streamId ??= randomUUID();
    return this.#streamId;
  }

  get durationMs(): number {
    return (this.#endedMs < 0 ? this.#clock.monotonicMs() : this.#endedMs) - this.startedMs;
  }

  /** It is over. */
  finish(flags: ResponseFlags): void {
    this.#endedMs = this.#clock.monotonicMs();
    this.responseFlags |= flags;
  }
}
