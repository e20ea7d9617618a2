// The only thing HTTP/2 and gRPC know of a socket. src/wire/net.ts offers it over TCP, Unix sockets and TLS; tests over a pair in memory.

/** What a byte connection reports. Assigned once, right after the connection is made. */
export interface ByteEvents {
  /** Bytes arrived, in order. They belong to the receiver from now on. */
  onData(bytes: Buffer): void;
  /** The other side has half-closed: no more bytes will come. */
  onEnd(): void;
  /** What was queued by `write` has drained after `write` returned false. */
  onDrain(): void;
  /** The connection is gone; nothing follows. `error` where it was not orderly. */
  onClose(error: Error | undefined): void;
}

/** A connected, ordered, reliable stream of bytes. */
export interface ByteConnection {
  /** Sets who is told; bytes that came before are delivered then. */
  listen(events: ByteEvents): void;
  /** Queues bytes, which the caller does not alter afterwards. False: more is queued than is good, wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  /** Stops `onData` until `resume`, so that the sender is held back. */
  pause(): void;
  resume(): void;
  /** Half-closes after what is queued. */
  end(): void;
  /** Closes at once, queued bytes are lost. `onClose` follows. */
  destroy(): void;
}
