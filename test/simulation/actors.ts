/** The two ends of the simulation: clients that ask well or badly, and upstreams that answer well or badly. */
import type { Random } from '../../src/lib/random.ts';
import { readRequests, readResponses } from '../differential/messages.ts';
import type { SimConnection } from './sim-network.ts';

/** A body that tells whose it is, wherever it is cut. */
export function bodyOf(id: string, length: number): string {
  return `${id}.`.repeat(Math.ceil(length / (id.length + 1))).slice(0, length);
}

/** What was asked: the id is in the path, the length of the body behind it. */
interface Asked {
  readonly id: string;
  readonly method: string;
  readonly text: string;
}

/** An answer that nobody asked for: whoever gets it got another's. */
export const SURPLUS = 'HTTP/1.1 200 OK\r\nX-Id: stolen\r\nX-Length: 0\r\nContent-Length: 0\r\n\r\n';

let ids = 0;

function ask(random: Random, connection: string): Asked {
  const length = random.below(3) === 0 ? random.below(20_000) : random.below(30);
  const id = `r${ids++}`;
  const method = ['GET', 'GET', 'POST', 'PUT'][random.below(4)] as string;
  const head = `${method} /${id}/${length} HTTP/1.1\r\nHost: a\r\n${connection}`;
  if (method === 'GET') return { id, method, text: `${head}\r\n` };
  const body = bodyOf(id, length);
  if (random.below(2) === 0) return { id, method, text: `${head}Content-Length: ${length}\r\n\r\n${body}` };
  const at = random.below(length + 1);
  const chunks = [body.slice(0, at), body.slice(at)].filter((chunk) => chunk !== '');
  const text = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return { id, method, text: `${head}Transfer-Encoding: chunked\r\n\r\n${text}0\r\n\r\n` };
}

/** Sends a few requests, reads what comes, may leave at any time. */
export class Client {
  readonly connection: SimConnection;
  readonly asked: Asked[] = [];
  #toSend: string[] = [];
  #text = '';
  #ended = false;

  constructor(connection: SimConnection, random: Random) {
    this.connection = connection;
    const count = 1 + random.below(3);
    for (let i = 0; i < count; i++)
      this.asked.push(ask(random, i === count - 1 && random.below(2) === 0 ? 'Connection: close\r\n' : ''));
    const all = this.asked.map(({ text }) => text).join('');
    const cuts = Array.from({ length: random.below(4) }, () => random.below(all.length)).sort(
      (a, b) => a - b,
    );
    this.#toSend = [...cuts, all.length].map((end, i) => all.slice(i === 0 ? 0 : cuts[i - 1], end));
    connection.handle({
      onData: (bytes) => void (this.#text += bytes.toString('latin1')),
      onEnd: () => {
        this.#ended = true;
        connection.end();
      },
      onDrain: () => {},
      onClose: () => void (this.#ended = true),
    });
  }

  /** Does one thing; false where there is nothing left to do. */
  act(random: Random): boolean {
    if (this.connection.closed) return false;
    const dice = random.below(60);
    if (dice === 0) this.connection.destroy();
    else if (dice === 1) this.connection.reset();
    else if (dice === 2) this.connection.pause();
    else if (dice < 8) this.connection.resume();
    else if (this.#toSend.length > 0) this.connection.write(this.#toSend.shift() as string);
    else return false;
    return true;
  }

  leave(): void {
    this.connection.resume();
    this.connection.destroy();
  }

  /** What it got, checked. @throws where an answer is not the one to its request. */
  verify(): void {
    const methods = this.asked.map(({ method }) => method);
    const { messages } = readResponses(this.#text, methods, this.#ended);
    const answers = messages.filter(({ head }) => !head.startsWith('HTTP/1.1 1'));
    if (answers.length > this.asked.length)
      throw new Error(`${answers.length} answers to ${this.asked.length}`);
    for (const [i, answer] of answers.entries()) {
      const id = /\r\nx-id: (\w+)/i.exec(answer.head)?.[1];
      const own = this.asked[i] as Asked;
      if (id !== undefined && id !== own.id) throw new Error(`the answer of ${id} came to ${own.id}`);
      const length = Number(/\r\nx-length: (\d+)/i.exec(answer.head)?.[1] ?? -1);
      if (id === undefined || length < 0 || !answer.complete) continue;
      if (answer.body !== bodyOf(id, length)) throw new Error(`the body of ${id} is not whole`);
    }
  }
}

/** The far end of one connection of the proxy's. */
export class Upstream {
  readonly connection: SimConnection;
  readonly #random: Random;
  readonly #problems: string[];
  #text = '';
  #answered = 0;
  #answers: string[] = [];

  constructor(connection: SimConnection, random: Random, problems: string[]) {
    this.connection = connection;
    this.#random = random;
    this.#problems = problems;
    connection.handle({
      onData: (bytes) => this.#read(bytes.toString('latin1')),
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  }

  /** Sends a piece of what it has to say, or misbehaves. */
  act(): boolean {
    if (this.connection.closed) return false;
    const dice = this.#random.below(80);
    if (dice === 0) this.connection.destroy();
    else if (dice === 1) this.connection.reset();
    else if (dice === 2) this.connection.end();
    else if (dice === 3) this.connection.pause();
    else if (dice < 10) this.connection.resume();
    else if (this.#answers.length > 0) this.connection.write(this.#answers.shift() as string);
    else return false;
    return true;
  }

  /** Says everything now. */
  settle(): void {
    this.connection.resume();
    for (const text of this.#answers.splice(0)) this.connection.write(text);
  }

  #read(text: string): void {
    this.#text += text;
    const { messages } = readRequests(this.#text, false);
    for (let i = this.#answered; i < messages.length; i++) {
      const message = messages[i] as (typeof messages)[number];
      const [, id = '', length = '0'] = /^\w+ \/(r\d+)\/(\d+) /.exec(message.head) ?? [];
      const isEarly = !message.complete && this.#random.below(40) === 0;
      if (!message.complete && !isEarly) return;
      const expected = message.head.startsWith('GET') ? '' : bodyOf(id, Number(length));
      if (id === '' || (message.complete && message.body !== expected))
        this.#problems.push(`the request ${message.head.slice(0, 30)} came with another body`);
      this.#answered = i + 1;
      this.#answer(id);
      if (isEarly) return;
    }
    if (
      this.#answered === messages.length &&
      messages.length > 0 &&
      messages.every(({ complete }) => complete)
    ) {
      this.#text = '';
      this.#answered = 0;
    }
  }

  #answer(id: string): void {
    const random = this.#random;
    const length = random.below(3) === 0 ? random.below(20_000) : random.below(50);
    const body = bodyOf(id, length);
    const head = (status: number): string => `HTTP/1.1 ${status} X\r\nX-Id: ${id}\r\nX-Length: ${length}\r\n`;
    const status = [200, 200, 200, 503, 404][random.below(5)] as number;
    const sized = `${head(status)}Content-Length: ${length}\r\n\r\n${body}`;
    const chunk = length === 0 ? '' : `${length.toString(16)}\r\n${body}\r\n`;
    const texts = [
      ...[sized, sized, sized],
      `${head(status)}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`,
      `HTTP/1.1 103 Hint\r\n\r\n${sized}`,
      `${sized}${SURPLUS}`,
      'no HTTP at all\r\n\r\n',
      '',
    ];
    const text = texts[random.below(texts.length)] as string;
    // An answer too many can only be told from the next one where it comes in the same packet.
    const at = text.includes(SURPLUS) ? 0 : random.below(text.length + 1);
    this.#answers.push(...[text.slice(0, at), text.slice(at)].filter((part) => part !== ''));
  }
}
