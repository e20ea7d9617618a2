import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { CALL_HEADER, type EchoOrder, type SeenRequest } from './order.ts';
import { withoutProxyHeader } from './proxy-header.ts';

/** Requests that are remembered; the oldest go first. */
const MAX_SEEN = 10_000;
/** A body is read to its end, and this much of it is kept. */
const MAX_BODY_BYTES = 65_536;

/** Answers on all ports of an order. */
export class EchoServers {
  readonly #order: EchoOrder;
  readonly #seen: (SeenRequest & { readonly id: string })[] = [];
  readonly #http1 = createHttp1Server((request, response) => this.#answer(request, response));
  readonly #http2 = createHttp2Server((request, response) => this.#answer(request, response));
  readonly #context: ReturnType<typeof createSecureContext>;

  constructor(order: EchoOrder) {
    this.#order = order;
    this.#context = createSecureContext({ cert: order.certificate, key: order.key });
    this.#http1.keepAliveTimeout = 60_000;
    // The end of a tunnel: what is in it comes to the same workload.
    this.#http1.on('connect', (_request, socket: Socket, head: Buffer) => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.removeAllListeners('data');
      if (head.length > 0) socket.unshift(head);
      this.#look(socket, false);
      socket.resume();
    });
    this.#http2.on('sessionError', () => {});
  }

  /** Resolves when all ports listen. */
  async listen(): Promise<void> {
    await Promise.all(
      this.#order.ports.map(
        (port) =>
          new Promise<void>((resolve, reject) => {
            const server = createServer({ allowHalfOpen: false }, (socket) => this.#look(socket, false));
            server.once('error', reject).listen(port, '0.0.0.0', resolve);
          }),
      ),
    );
  }

  seen(id: string): readonly SeenRequest[] {
    return this.#seen.filter((one) => one.id === id).map(({ id: _id, ...request }) => request);
  }

  /** What a connection speaks is told by its first bytes. */
  #look(socket: Socket, inTls: boolean): void {
    socket.on('error', () => socket.destroy());
    socket.once('data', (bytes: Buffer) => {
      socket.pause();
      const first = withoutProxyHeader(bytes);
      if (first.length === 0) {
        // The header came alone: what it is about follows.
        this.#look(socket, inTls);
        socket.resume();
        return;
      }
      if (first[0] === TLS_HANDSHAKE && !inTls) {
        socket.unshift(first);
        this.#endTls(socket);
        return;
      }
      const text = first.toString('latin1', 0, 64);
      if (text.startsWith('PRI * HTTP/2.0')) this.#give(socket, first, this.#http2);
      else if (/^[A-Z-]+ \S/.test(text)) this.#give(socket, first, this.#http1);
      else this.#echo(socket, first);
    });
  }

  #endTls(socket: Socket): void {
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    secure.on('error', () => secure.destroy());
    secure.once('secure', () => this.#look(secure, true));
  }

  #give(socket: Socket, first: Buffer, server: NodeJS.EventEmitter): void {
    socket.removeAllListeners('data');
    socket.unshift(first);
    server.emit('connection', socket);
    // HTTP/2 takes what was read from a socket at rest; HTTP/1 waits for it to flow.
    if (server === this.#http1) socket.resume();
  }

  /** Bytes: first who gets them, then they themselves. */
  #echo(socket: Socket, first: Buffer): void {
    socket.write(`${this.#order.name} ${addressOf(socket)}\n`);
    socket.write(first);
    socket.on('data', (bytes) => void socket.write(bytes));
    socket.resume();
  }

  #answer(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): void {
    request.on('error', () => {});
    request.on('data', () => {});
    request.once('end', () => {
      const seen = this.#note(request);
      const body = JSON.stringify(seen);
      if (isGrpc(request)) answerGrpc(response as Http2ServerResponse, request.url === CHECK ? '' : body);
      else answerJson(response as ServerResponse, body, request.method === 'HEAD');
    });
  }

  #note(request: IncomingMessage | Http2ServerRequest): SeenRequest {
    const headers = headersOf(request.rawHeaders);
    const { socket } = request;
    const seen: SeenRequest = {
      by: this.#order.name,
      at: addressOf(socket as Socket),
      method: request.method ?? '',
      path: request.url ?? '',
      authority: String(request.headers[':authority'] ?? request.headers['host'] ?? ''),
      headers,
      tls: 'encrypted' in socket && socket.encrypted === true,
    };
    this.#seen.push({ ...seen, id: headers[CALL_HEADER] ?? '' });
    if (this.#seen.length > MAX_SEEN) this.#seen.shift();
    return seen;
  }
}

const TLS_HANDSHAKE = 0x16;

/** As matchers see them: several lines of one name are joined by a comma alone. */
function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (name.startsWith(':') || name === 'host') continue;
    headers[name] = headers[name] === undefined ? (raw[i + 1] ?? '') : `${headers[name]},${raw[i + 1]}`;
  }
  return headers;
}

function addressOf({ localAddress = '', localPort = 0 }: Socket): string {
  return `${localAddress.replace(/^::ffff:/, '')}:${localPort}`;
}

function isGrpc({ headers }: IncomingMessage | Http2ServerRequest): boolean {
  return headers['content-type']?.startsWith('application/grpc') === true;
}

/** Both kinds of response have these methods. */
function answerJson(response: ServerResponse, body: string, isHead: boolean): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(isHead ? '' : body);
}

/** An authorizer is asked whether something may pass: a message without anything in it is a yes (service.auth.v3). */
const CHECK = '/envoy.service.auth.v3.Authorization/Check';

/** One message that is the answer's text, and a good end. */
function answerGrpc(response: Http2ServerResponse, body: string): void {
  const message = Buffer.from(body.slice(0, MAX_BODY_BYTES));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  response.setHeader('content-type', 'application/grpc');
  response.addTrailers({ 'grpc-status': '0' });
  response.end(Buffer.concat([prefix, message]));
}
