import { ControlReceiver } from './control-receiver.ts';
import type { Core } from './core.ts';
import { DataReceiver } from './data-receiver.ts';
import type { FrameSink } from './frame-parser.ts';
import { FrameParser } from './frame-parser.ts';
import { HeaderReceiver } from './header-receiver.ts';
import { Http2Error } from './http2-error.ts';
import { CLIENT_PREFACE, ERROR_CODE, FLAG, FRAME } from './protocol.ts';

/** Bytes -> events: the preface, then frames, each to the part that knows its type. */
export class Receiver implements FrameSink {
  readonly #parser = new FrameParser(this);
  readonly #headers: HeaderReceiver;
  readonly #data: DataReceiver;
  readonly #control: ControlReceiver;
  #prefaceLeft: number;
  #settingsSeen = false;

  constructor(core: Core) {
    this.#headers = new HeaderReceiver(core);
    this.#data = new DataReceiver(core);
    this.#control = new ControlReceiver(core);
    this.#prefaceLeft = core.role === 'server' ? CLIENT_PREFACE.length : 0;
  }

  /** True where the peer's end now would cut something off. */
  get midMessage(): boolean {
    return this.#parser.midFrame || this.#headers.gathering;
  }

  stop(): void {
    this.#parser.stop();
  }

  /** Takes the next bytes. Throws Http2Error for what the connection cannot survive. */
  feed(bytes: Buffer): void {
    if (this.#prefaceLeft === 0) this.#parser.feed(bytes);
    else this.#readPreface(bytes);
  }

  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    this.#demandOrder(type, flags, streamId);
    if (type === FRAME.HEADERS) this.#headers.onHeaders(flags, streamId, bytes, start, end);
    else if (type === FRAME.CONTINUATION) this.#headers.onContinuation(flags, streamId, bytes, start, end);
    else this.#control.onFrame(type, flags, streamId, bytes, start, end);
  }

  onDataFrame(flags: number, streamId: number, length: number, contentLength: number): void {
    this.#demandOrder(FRAME.DATA, flags, streamId);
    this.#data.onDataFrame(flags, streamId, length, contentLength);
  }

  onDataPart(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#data.onDataPart(bytes, start, end, last);
  }

  #readPreface(bytes: Buffer): void {
    const from = CLIENT_PREFACE.length - this.#prefaceLeft;
    const take = Math.min(this.#prefaceLeft, bytes.length);
    if (CLIENT_PREFACE.compare(bytes, 0, take, from, from + take) !== 0)
      throw new Http2Error(
        ERROR_CODE.PROTOCOL_ERROR,
        'The client does not begin with the preface of HTTP/2.',
      );
    this.#prefaceLeft -= take;
    if (this.#prefaceLeft === 0 && take < bytes.length) this.#parser.feed(bytes.subarray(take));
  }

  /** SETTINGS come first (RFC 9113 §3.4); a header block is not interrupted (§4.3). */
  #demandOrder(type: number, flags: number, streamId: number): void {
    if (!this.#settingsSeen) {
      if (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0)
        throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'The first frame is not SETTINGS.');
      this.#settingsSeen = true;
    }
    const expected = this.#headers.gatheringStreamId;
    if (expected === 0 ? type === FRAME.CONTINUATION : type !== FRAME.CONTINUATION || streamId !== expected)
      throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'HEADERS and CONTINUATION frames are out of order.');
  }
}
