import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tellRequests } from './recorder.ts';

// The point of refusing what two readers could read differently, tried with a second reader: llhttp, the parser of
// node:http. Where we accept bytes as requests, it must find the same requests with the same bodies in them, or refuse.

/** llhttp as Node binds it: callbacks are numbered properties. */
interface Llhttp {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  [callback: number]: unknown;
}

interface LlhttpConstructor {
  new (): Llhttp;
  readonly REQUEST: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser } = createRequire(import.meta.url)('node:_http_common') as {
  HTTPParser: LlhttpConstructor;
};

interface Message {
  readonly target: string;
  body: string;
  complete: boolean;
}

function readByLlhttp(text: string): { messages: Message[]; refused: boolean } {
  const messages: Message[] = [];
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  let flushed = ''; // after trailers the next target comes apart from its head
  parser[HTTPParser.kOnHeaders] = (_fields: unknown, target: unknown) => {
    flushed = String(target);
  };
  parser[HTTPParser.kOnHeadersComplete] = (...[, , , , target]: unknown[]) => {
    messages.push({ target: target === undefined ? flushed : String(target), body: '', complete: false });
    flushed = '';
    return 0;
  };
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    (messages.at(-1) as Message).body += bytes.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    (messages.at(-1) as Message).complete = true;
  };
  const result = parser.execute(Buffer.from(text, 'latin1'));
  return { messages, refused: typeof result !== 'number' };
}

function readByUs(text: string): Message[] | string {
  const messages: Message[] = [];
  for (const event of tellRequests([text])) {
    if ('error' in event && event.error !== 'incomplete') return event.error;
    if ('head' in event)
      messages.push({ target: (event.head as { target: string }).target, body: '', complete: false });
    const last = messages.at(-1);
    if (last !== undefined && 'data' in event) last.body += event.data;
    if (last !== undefined && 'end' in event) last.complete = true;
  }
  return messages;
}

const framing = fc.constantFrom(
  'Content-Length: 5\r\n',
  'Content-Length: 05\r\n',
  'content-length:5\t\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: \r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: Chunked \r\n',
  'Transfer-Encoding: identity, chunked\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Content-Length: 5\n',
  'X: y\r\n z\r\n',
  'X: y\rContent-Length: 5\r\n',
  'Connection: x\r\n',
  '',
);
const body = fc.constantFrom(
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '05\r\nhello\r\n00\r\n\r\n',
  '5\nhello\n0\n\n',
  '0\r\n\r\n',
  '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
  '-5\r\nhello\r\n',
  '',
);
const sound = fc.constantFrom(
  'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x\r\nabc\r\n0\r\n\r\n',
  'POST /d HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n05\r\nhello\r\n0\r\nT: 1\r\n\r\n',
  'GET /e HTTP/1.1\r\nHost:a\r\n\r\n',
  'GET /f HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\ncontent-length:\t05 \r\n\r\nhello',
);
const odd = fc
  .tuple(fc.constantFrom('GET', 'POST'), fc.array(framing, { maxLength: 2 }), body)
  .map(([method, fields, content]) => `${method} /a HTTP/1.1\r\nHost: a\r\n${fields.join('')}\r\n${content}`);
const request = fc.oneof({ arbitrary: sound, weight: 3 }, { arbitrary: odd, weight: 1 });
/** One character changed anywhere: the near misses. */
const texts = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 3 }),
    fc.nat(),
    fc.option(fc.constantFrom('\r', '\n', ' ', '\0', ':', '0', '\t', '')),
  )
  .map(([requests, place, change]) => {
    const text = requests.join('');
    const at = place % text.length;
    return change === null ? text : text.slice(0, at) + change + text.slice(at + 1);
  });

it('finds in all bytes that we accept the same requests with the same bodies', () => {
  const counts = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(texts, (text) => {
      const ours = readByUs(text);
      // llhttp reads nothing after a request that ends the connection; we leave that to who owns the connection.
      if (typeof ours === 'string' || text.includes('HTTP/1.0')) return;
      const { messages, refused } = readByLlhttp(text);
      counts.accepted++;
      if (refused) counts.refused++;
      const complete = messages.filter((message) => message.complete);
      expect(refused ? complete : messages).toEqual(refused ? ours.slice(0, complete.length) : ours);
    }),
    { numRuns: 4000 },
  );
  expect(counts.accepted - counts.refused).toBeGreaterThan(500);
});
