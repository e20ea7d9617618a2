import { closeSync, openSync, writev } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import type { LogSink, LogSinks } from './log-sinks.ts';

/** Entries wait at most this long; under load many go out with one system call. */
const FLUSH_AFTER_MS = 100;
/** As soon as so much waits it goes out at once. */
const FLUSH_AT_LENGTH = 64 * 1024;
/** What may wait for a slow disk or reader, in characters; past it entries are dropped and counted. */
const MAX_QUEUED_LENGTH = 8 * 1024 * 1024;

const STREAMS: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2 };

/** A pipe takes so much in one piece (PIPE_BUF): what several processes write to it does not mix. */
const ATOMIC_BYTES = 4096;

/**
 * Access logs into files and the process's streams. `shared`: other processes write there too, so that a stream, which
 * may be a pipe, gets whole lines in pieces that do not mix (appending to a file never does).
 */
export function createLogSinks(clock: Clock, shared = false): LogSinks {
  const sinks = new Map<string, FileSink>();
  return {
    open(path) {
      let sink = sinks.get(path);
      if (sink === undefined) {
        sink = new FileSink(path, clock, shared && path in STREAMS);
        sinks.set(path, sink);
      }
      return sink;
    },
    reopen: () => {
      for (const sink of sinks.values()) sink.reopen();
    },
    flush: async () => {
      await Promise.all([...sinks.values()].map((sink) => sink.flush()));
    },
  };
}

class FileSink implements LogSink {
  droppedEntries = 0;
  readonly #path: string;
  readonly #clock: Clock;
  #fd: number;
  #queue = '';
  #timerSet = false;
  #writing: Promise<void> | undefined;
  readonly #inPieces: boolean;

  constructor(path: string, clock: Clock, inPieces: boolean) {
    this.#inPieces = inPieces;
    this.#path = path;
    this.#clock = clock;
    this.#fd = openFile(path);
  }

  write(entry: string): void {
    if (this.#queue.length > MAX_QUEUED_LENGTH) {
      this.droppedEntries++;
      return;
    }
    this.#queue += entry;
    if (this.#queue.length >= FLUSH_AT_LENGTH) void this.flush();
    else if (!this.#timerSet) {
      this.#timerSet = true;
      this.#clock.setTimeout(() => {
        this.#timerSet = false;
        void this.flush();
      }, FLUSH_AFTER_MS);
    }
  }

  /** Resolves when everything that was queued before is written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#queue === '') return;
    const bytes = Buffer.from(this.#queue, 'latin1');
    this.#queue = '';
    this.#writing = this.#writeAll(bytes).finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  reopen(): void {
    if (this.#path in STREAMS) return;
    closeSync(this.#fd);
    this.#fd = openFile(this.#path);
  }

  /** Writes off the main thread; a pipe that is full for now is tried again, anything else loses the entries. */
  async #writeAll(bytes: Buffer): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const written = await writeOnce(this.#fd, this.#inPieces ? wholeLines(rest) : rest);
      if (written < 0) {
        this.droppedEntries++;
        return;
      }
      if (written === 0) await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, 10));
      rest = rest.subarray(written);
    }
  }
}

/** As many lines as fit into one atomic write; a longer line goes by itself. */
function wholeLines(bytes: Buffer): Buffer {
  if (bytes.length <= ATOMIC_BYTES) return bytes;
  const last = bytes.lastIndexOf(10, ATOMIC_BYTES - 1);
  const end = last >= 0 ? last : bytes.indexOf(10);
  return end < 0 ? bytes : bytes.subarray(0, end + 1);
}

function openFile(path: string): number {
  return STREAMS[path] ?? openSync(path, 'a');
}

/** Bytes written, 0 where the file takes none now, -1 where it never will. */
function writeOnce(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    writev(fd, [bytes], (error, written) => {
      if (error === null) resolve(written);
      else resolve(error.code === 'EAGAIN' ? 0 : -1);
    });
  });
}
