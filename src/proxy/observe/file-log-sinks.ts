import { closeSync, openSync, writev } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import type { LogSink, LogSinks } from './log-sinks.ts';

/** Entries wait at most this long; under load many go out with one system call. */
const FLUSH_AFTER_MS = 100;
/** As soon as so much waits it goes out at once. */
const FLUSH_AT_BYTES = 64 * 1024;
/** What may wait for a slow disk or reader; past it entries are dropped and counted. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;

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
  readonly #inPieces: boolean;
  #fd: number;
  /** Entries become bytes at once: a text that waits would keep the heads of its request alive. */
  #buffer: Buffer = Buffer.allocUnsafeSlow(FLUSH_AT_BYTES);
  #used = 0;
  /** A buffer that was written and waits for its next turn. */
  #spare: Buffer | undefined;
  /** Full buffers that wait for a write that is under way. */
  #full: Buffer[] = [];
  #fullBytes = 0;
  #timerSet = false;
  #writing: Promise<void> | undefined;

  constructor(path: string, clock: Clock, inPieces: boolean) {
    this.#inPieces = inPieces;
    this.#path = path;
    this.#clock = clock;
    this.#fd = openFile(path);
  }

  write(entry: string): void {
    if (entry.length > this.#buffer.length - this.#used && !this.#makeRoom(entry.length)) {
      this.droppedEntries++;
      return;
    }
    this.#used += this.#buffer.write(entry, this.#used, 'latin1');
    if (!this.#timerSet) this.#flushLater();
  }

  /** Resolves when everything that was queued before is written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#used > 0) {
      this.#writeQueued();
      await this.#writing;
    }
  }

  reopen(): void {
    if (this.#path in STREAMS) return;
    // A file is not closed under a write: its descriptor might be another's by then.
    if (this.#writing !== undefined) void this.#writing.then(() => this.reopen());
    else {
      closeSync(this.#fd);
      this.#fd = openFile(this.#path);
    }
  }

  /** False where too much waits already. */
  #makeRoom(length: number): boolean {
    if (this.#fullBytes > MAX_QUEUED_BYTES) return false;
    this.#seal();
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(length);
    this.#writeQueued();
    return true;
  }

  #seal(): void {
    if (this.#used === 0) return;
    this.#full.push(this.#buffer.subarray(0, this.#used));
    this.#fullBytes += this.#used;
    this.#used = 0;
    this.#buffer = this.#spare ?? Buffer.allocUnsafeSlow(FLUSH_AT_BYTES);
    this.#spare = undefined;
  }

  #flushLater(): void {
    this.#timerSet = true;
    this.#clock.setTimeout(() => {
      this.#timerSet = false;
      this.#writeQueued();
    }, FLUSH_AFTER_MS);
  }

  /** One write at a time, of everything there is: what comes meanwhile goes with the next one. */
  #writeQueued(): void {
    if (this.#writing !== undefined) return;
    this.#seal();
    const [first] = this.#full;
    if (first === undefined) return;
    const bytes = this.#full.length === 1 ? first : Buffer.concat(this.#full);
    this.#full = [];
    this.#fullBytes = 0;
    this.#writing = this.#writeAll(bytes).then(() => this.#written(first));
  }

  #written({ buffer }: Buffer): void {
    this.#writing = undefined;
    if (buffer.byteLength === FLUSH_AT_BYTES) this.#spare = Buffer.from(buffer);
    if (this.#full.length > 0) this.#writeQueued();
    else if (this.#used > 0 && !this.#timerSet) this.#flushLater();
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
