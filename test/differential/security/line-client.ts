/** A client that keeps its connection: raw requests, one after the other, and what came of each. */
import { connect, type Socket } from 'node:net';

export interface Came {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Head of the request as the upstream saw it; undefined where it saw none. */
  readonly saw: string | undefined;
}

const LIMIT_MS = 10_000;
const NOTHING: Came = { status: 0, headers: new Map(), saw: undefined };

export class LineClient {
  readonly #port: number;
  #socket: Socket | undefined;
  #text = '';
  #wake: () => void = () => {};

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends the bytes (latin1) of one request without a body. */
  async ask(request: string): Promise<Came> {
    const socket = this.#connected();
    this.#text = '';
    socket.write(request, 'latin1');
    const untilMs = Date.now() + LIMIT_MS;
    for (;;) {
      const came = answerIn(this.#text, request.startsWith('HEAD '));
      if (came !== undefined) {
        // Whoever refuses a request may close behind it.
        if (came.headers.get('connection') === 'close' || came.status === 400) this.close();
        return came;
      }
      if (this.#socket === undefined || Date.now() > untilMs) return NOTHING;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LIMIT_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #connected(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#text += bytes.toString('latin1');
      this.#wake();
    });
    const over = (): void => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#wake();
    };
    socket.on('close', over).on('error', over);
    return socket;
  }
}

function answerIn(text: string, isHead: boolean): Came | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((one) => {
      const colon = one.indexOf(':');
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()] as const;
    }),
  );
  const length = isHead ? 0 : Number(headers.get('content-length') ?? 0);
  if (text.length < end + 4 + length) return undefined;
  const saw = headers.get('x-saw');
  return {
    status: Number(line.split(' ')[1]),
    headers,
    saw: saw === undefined ? undefined : Buffer.from(saw, 'base64').toString('latin1'),
  };
}
