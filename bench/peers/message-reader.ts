const HEAD_END = '\r\n\r\n';
const MAX_HEAD = 16_384;

/** Finds the ends of HTTP/1.1 messages with Content-Length, for both ends of the bench; checks nothing else. */
export class MessageReader {
  #head = '';
  #bodyLeft = 0;
  #isOk = false;
  readonly #onMessage: (isOk: boolean) => void;

  /** `onMessage` gets whether the start line says 200, for responses. */
  constructor(onMessage: (isOk: boolean) => void) {
    this.#onMessage = onMessage;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#bodyLeft === 0) at = this.#readHead(bytes, at);
      else at = this.#readBody(bytes, at);
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    const head = this.#head + bytes.toString('latin1', at, Math.min(bytes.length, at + MAX_HEAD));
    const end = head.indexOf(HEAD_END);
    if (end < 0) {
      if (head.length >= MAX_HEAD) throw new Error('a message head without end');
      this.#head = head;
      return bytes.length;
    }
    const text = head.slice(0, end);
    if (/\r\ntransfer-encoding:/i.test(text)) throw new Error('the bench reads no chunked messages');
    this.#head = '';
    this.#isOk = text.startsWith('HTTP/1.1 200');
    this.#bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    if (this.#bodyLeft === 0) this.#onMessage(this.#isOk);
    return at + end + HEAD_END.length - before;
  }

  #readBody(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#bodyLeft, bytes.length - at);
    this.#bodyLeft -= taken;
    if (this.#bodyLeft === 0) this.#onMessage(this.#isOk);
    return at + taken;
  }
}
