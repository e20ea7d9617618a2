import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

// A process writes its log itself, straight into the file: nothing of it passes through the platform, which would
// cost more than the proxies do. So the file cannot be swapped under the process; it is copied and emptied.

/** A log is turned over when it is larger than this; one former log is kept beside it as `NAME.1`. */
export const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** How much of the end of a log is looked at for a telling line. */
const TAIL_BYTES = 4_096;

/** One log, open as long as its process may be started again. */
export class LogFile {
  readonly path: string;
  /** For the process's standard output and error. */
  readonly descriptor: number;
  #open = true;

  /** Opens for appending; creates it for the owner and group to read. */
  constructor(path: string) {
    this.path = path;
    this.descriptor = openSync(path, 'a+', 0o640);
  }

  /** Turns the log over if it has become too large. A line written at this very moment may be lost. */
  rotate(maxBytes = MAX_LOG_BYTES): void {
    if (!this.#open || fstatSync(this.descriptor).size <= maxBytes) return;
    copyFileSync(this.path, `${this.path}.1`);
    ftruncateSync(this.descriptor, 0);
  }

  /** The line that tells most about an end: the last that speaks of an error, else the last; cut to 300 characters. */
  lastLine(): string {
    if (!this.#open) return '';
    const { size } = fstatSync(this.descriptor);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const length = readSync(this.descriptor, tail, 0, tail.length, size - tail.length);
    const lines = tail
      .toString('utf8', 0, length)
      .split('\n')
      .filter((line) => line.trim() !== '');
    const line = lines.findLast((text) => /error|exception|fatal|panic|critical/i.test(text)) ?? lines.at(-1);
    return line?.trim().slice(0, 300) ?? '';
  }

  close(): void {
    if (this.#open) closeSync(this.descriptor);
    this.#open = false;
  }
}
