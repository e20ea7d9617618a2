/**
 * An upstream that keeps the exact bytes it was sent and answers by a script: any bytes, early or late, kept or cut.
 * One script is in force at a time; it says what the n-th request since it began is answered with,
 * or the one whose `x-answer` is n.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Message, readRequests } from './messages.ts';

export interface ScriptedAnswer {
  /** Written as they are (latin1). */
  readonly bytes: string;
  /** `head`: as soon as the request's head is there; otherwise when the request is complete. */
  readonly early?: boolean;
  /** What happens to the connection after the bytes; default `keep`. */
  readonly after?: 'keep' | 'end' | 'reset';
  /** Bytes are written in two writes, cut here. */
  readonly split?: number;
  /** After the bytes whatever comes is sent back: an upgrade that was granted. */
  readonly echo?: boolean;
}

export interface UpstreamRecord {
  readonly requests: readonly Message[];
  /** Bytes after the last message that are none. */
  readonly rest: string;
}

interface Recorded {
  readonly socket: Socket;
  text: string;
  /** Requests of this connection that were answered (or will not be). */
  answered: number;
  echo: boolean;
}

/** The answer to the request that asks whether a connection still serves. */
export const PROBE_PATH = '/is-it-still-open';
export const PROBE_BODY = 'it is open';
const PROBE_ANSWER: ScriptedAnswer = {
  bytes: `HTTP/1.1 200 OK\r\ncontent-length: ${PROBE_BODY.length}\r\n\r\n${PROBE_BODY}`,
};

export class RecordingUpstream {
  readonly port: number;
  readonly #server: Server;
  readonly #connections = new Set<Recorded>();
  /** Connections of the script in force, those that are gone too, by their first request. */
  #heard: Recorded[] = [];
  #script: readonly ScriptedAnswer[] = [];
  #next = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket: Socket) => this.#take(socket));
  }

  static async listen(port = 0): Promise<RecordingUpstream> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    const address = server.address();
    return new RecordingUpstream(server, typeof address === 'object' && address !== null ? address.port : 0);
  }

  /** From now on requests are answered so; the last answer is given again and again. */
  begin(script: readonly ScriptedAnswer[]): void {
    this.#script = script;
    this.#next = 0;
    this.#heard = [];
    for (const connection of this.#connections) {
      connection.text = '';
      connection.answered = 0;
    }
  }

  /** What came since begin(). Connections with an open request are given some time to end or complete it. */
  async heard(withinMs: number): Promise<UpstreamRecord> {
    const untilMs = Date.now() + withinMs;
    while (this.#heard.some((one) => isOpen(one) && this.#connections.has(one)) && Date.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 2));
    const readings = this.#heard.map((one) => readRequests(one.text, one.echo));
    for (const one of this.#heard) if (isOpen(one) || one.echo) one.socket.destroy();
    return {
      requests: readings.flatMap((reading) => reading.messages),
      rest: readings.map((reading) => reading.rest).join(''),
    };
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.#connections) socket.destroy();
  }

  #take(socket: Socket): void {
    const connection: Recorded = { socket, text: '', answered: 0, echo: false };
    this.#connections.add(connection);
    socket.on('error', () => {});
    socket.on('close', () => void this.#connections.delete(connection));
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => this.#read(connection, bytes.toString('latin1')));
  }

  #read(connection: Recorded, text: string): void {
    if (connection.text === '') this.#heard.push(connection);
    connection.text += text;
    if (connection.echo) {
      connection.socket.write(text, 'latin1');
      return;
    }
    const { messages } = readRequests(connection.text, false);
    for (let i = connection.answered; i < messages.length; i++) {
      const message = messages[i] as Message;
      const own = /\r\nx-answer: (\d+)/i.exec(message.head)?.[1];
      const answer = message.head.includes(` ${PROBE_PATH} `)
        ? PROBE_ANSWER
        : this.#script[own === undefined ? this.#next : Number(own)];
      if (answer === undefined || (!message.complete && answer.early !== true)) return;
      connection.answered = i + 1;
      if (answer !== PROBE_ANSWER && this.#next < this.#script.length - 1) this.#next++;
      answerWith(connection, answer);
    }
  }
}

function isOpen(connection: Recorded): boolean {
  const { messages, rest } = readRequests(connection.text, connection.echo);
  return rest !== '' || messages.some((message) => !message.complete);
}

function answerWith(connection: Recorded, answer: ScriptedAnswer): void {
  const { socket } = connection;
  if (socket.destroyed) return;
  const { bytes, split = 0, after = 'keep' } = answer;
  connection.echo = answer.echo ?? false;
  const finish = (): void => {
    if (socket.destroyed) return;
    if (split < bytes.length) socket.write(bytes.slice(split), 'latin1');
    if (after === 'end') socket.end();
    if (after === 'reset') setTimeout(() => socket.resetAndDestroy(), 5);
  };
  if (split === 0) finish();
  else {
    socket.write(bytes.slice(0, split), 'latin1');
    setTimeout(finish, 2);
  }
}
