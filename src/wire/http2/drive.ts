import type { Clock, Timer } from '../../lib/clock.ts';
import type { ConnectionHandlers, NetError } from '../connection.ts';
import type { ByteConnection } from './byte-connection.ts';
import type { ByteOutput, Http2Connection, Http2Machine, Http2Options } from './connection.ts';
import { createHttp2 } from './session.ts';

/** How long the peer has to close after us before the connection is cut: it may still be reading our GOAWAY. */
const LINGER_MS = 1000;

/** What a driven connection is made of. */
export interface DriveOptions extends Http2Options {
  readonly clock: Clock;
  /** A consumer has thrown: the connection is to end, and others to go on. Absent: it is thrown on. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * Runs HTTP/2 over a connection, from now until its end. `firstBytes` were already read from it (sniffing).
 * What is written in one turn of the event loop, whoever writes it, goes out together at its end.
 */
export function driveHttp2(
  bytes: ByteConnection,
  options: DriveOptions,
  firstBytes?: Buffer,
): Http2Connection {
  const drive = new Drive(bytes, options);
  const machine = createHttp2(options, drive);
  drive.start(machine, firstBytes);
  return machine;
}

class Drive implements ByteOutput, ConnectionHandlers {
  readonly #bytes: ByteConnection;
  readonly #clock: Clock;
  readonly #onFault: ((error: unknown) => void) | undefined;
  #machine: Http2Machine | undefined;
  #finished = false;
  #gone = false;
  #linger: Timer | undefined;

  constructor(bytes: ByteConnection, options: DriveOptions) {
    this.#bytes = bytes;
    this.#clock = options.clock;
    this.#onFault = options.onFault;
  }

  start(machine: Http2Machine, firstBytes: Buffer | undefined): void {
    this.#machine = machine;
    this.#bytes.handle(this);
    if (firstBytes !== undefined && firstBytes.length > 0) this.onData(firstBytes);
  }

  write(parts: readonly Buffer[]): boolean {
    if (this.#finished) return true;
    if (parts.length === 1) return this.#bytes.write(parts[0] as Buffer);
    this.#bytes.cork();
    let room = true;
    for (const part of parts) room = this.#bytes.write(part);
    this.#bytes.uncork();
    return room;
  }

  wantFlush(): void {
    flushSoon(this);
  }

  flush(): void {
    try {
      this.#machine?.flush();
    } catch (error) {
      this.#fault(error);
    }
  }

  finish(): void {
    this.#finished = true;
    if (this.#gone) return;
    this.#bytes.resume();
    this.#bytes.end();
    this.#linger = this.#clock.setTimeout(() => this.#bytes.destroy(), LINGER_MS);
  }

  onData(bytes: Buffer): void {
    try {
      this.#machine?.receive(bytes);
    } catch (error) {
      this.#fault(error);
    }
  }

  onEnd(): void {
    this.#machine?.receiveEnd();
  }

  onDrain(): void {
    this.#machine?.drained();
  }

  onClose(error: NetError | undefined): void {
    this.#gone = true;
    this.#linger?.cancel();
    this.#machine?.lost(error?.message ?? 'The connection was closed while it was in use.');
  }

  #fault(error: unknown): void {
    if (this.#onFault === undefined) throw error;
    this.#onFault(error);
  }
}

/** Connections with something to write; all of a thread share one callback a turn. */
let due: Drive[] = [];

function flushSoon(drive: Drive): void {
  if (due.push(drive) === 1) setImmediate(flushDue);
}

function flushDue(): void {
  const drives = due;
  due = [];
  for (const drive of drives) drive.flush();
}
