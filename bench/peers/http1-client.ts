import type { Socket } from 'node:net';
import { type Client, openSocket, type Target } from './client.ts';
import { HOST } from './hop.ts';
import { MessageReader } from './message-reader.ts';

/** A connection of HTTP/1.1 that carries one request at a time. */
export async function openHttp1(target: Target): Promise<Client> {
  return new Http1Client(await openSocket(target), requestOf(target.requestBytes));
}

/** Seven headers, as a caller of an API sends them. */
function requestOf(bodyBytes: number): Buffer {
  const method = bodyBytes > 0 ? 'POST' : 'GET';
  const length = bodyBytes > 0 ? `Content-Length: ${bodyBytes}\r\n` : '';
  const head =
    `${method} /api/v1/products?limit=10 HTTP/1.1\r\nHost: ${HOST}\r\nUser-Agent: bench/1\r\n` +
    'Accept: application/json\r\nAccept-Encoding: gzip\r\nX-Request-Id: 7e2f1c1e-2f5e-4a60-9d3e-0f6a0c9b8a7d\r\n' +
    `Cookie: session=abcdef0123456789\r\nCache-Control: no-cache\r\n${length}\r\n`;
  return Buffer.from(head + 'y'.repeat(bodyBytes));
}

class Http1Client implements Client {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #done: ((isOk: boolean) => void) | undefined;

  constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    const reader = new MessageReader((isOk) => this.#finish(isOk));
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('close', () => this.#finish(false));
  }

  send(done: (isOk: boolean) => void): void {
    // A later turn: whoever sends again from `done` must not recurse.
    if (this.#socket.destroyed) return void setTimeout(done, 1, false);
    this.#done = done;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #finish(isOk: boolean): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(isOk);
  }
}
