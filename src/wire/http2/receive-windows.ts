import type { Http2Limits } from './limits.ts';
import { DEFAULT_WINDOW_BYTES } from './protocol.ts';
import type { Sender } from './sender.ts';
import type { StreamState } from './stream-state.ts';

/**
 * The windows for receiving. A byte that came is on loan until the consumer is done with it; returned bytes are
 * announced when they make up half a window, so that a WINDOW_UPDATE is worth its way.
 */
export class ReceiveWindows {
  readonly #sender: Sender;
  readonly #streamBytes: number;
  readonly #connectionBytes: number;
  #credit = 0;
  /** Until the peer has seen our SETTINGS it believes in the default. */
  settingsAcked = false;
  /** Bytes the peer may still send on the connection. */
  connection = DEFAULT_WINDOW_BYTES;

  constructor(sender: Sender, limits: Http2Limits) {
    this.#sender = sender;
    this.#streamBytes = limits.streamWindowBytes;
    this.#connectionBytes = Math.max(limits.connectionWindowBytes, DEFAULT_WINDOW_BYTES);
  }

  /** Opens the connection's window to its full size; SETTINGS cannot. */
  start(): void {
    const more = this.#connectionBytes - this.connection;
    if (more > 0) this.#sender.writer.windowUpdate(0, more);
    this.connection += more;
  }

  /** The window of a stream that begins now. */
  ofNewStream(): number {
    return this.settingsAcked ? this.#streamBytes : Math.max(this.#streamBytes, DEFAULT_WINDOW_BYTES);
  }

  /** The consumer is done with bytes that it got. */
  consume(stream: StreamState, bytes: number): void {
    const taken = Math.min(bytes, stream.unconsumed);
    if (!(taken > 0)) return;
    stream.unconsumed -= taken;
    this.creditStream(stream, taken);
  }

  /** Room on stream and connection comes back. */
  creditStream(stream: StreamState, bytes: number): void {
    this.creditConnection(bytes);
    stream.credit += bytes;
    if (stream.credit * 2 < this.#streamBytes || stream.remoteEnded) return;
    stream.receiveWindow += stream.credit;
    this.#sender.writer.windowUpdate(stream.id, stream.credit);
    this.#sender.wantFlush();
    stream.credit = 0;
  }

  /**
   * Room on the connection comes back. Here one stream's consumer may sit on half the window for long, so what
   * others return is also announced when it is more than the peer has left.
   */
  creditConnection(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit * 2 < this.#connectionBytes && this.#credit <= this.connection) return;
    this.connection += this.#credit;
    this.#sender.writer.windowUpdate(0, this.#credit);
    this.#sender.wantFlush();
    this.#credit = 0;
  }
}
