/** Where access logs go: standard output, standard error and files. Lines are batched; a full queue drops and counts. */
export interface LogSinks {
  /** The sink of a path; '/dev/stdout' and '/dev/stderr' are the streams. Opened once, shared. */
  open(path: string): LogSink;
  /** Opens files again (after rotation). */
  reopen(): void;
  /** Writes what is queued; resolves when it is out. */
  flush(): Promise<void>;
}

export interface LogSink {
  /** Queues one entry with its line end. */
  write(entry: string): void;
  readonly droppedEntries: number;
}
