// What one message costs in the HTTP/1 codec: `node bench/wire-http1.ts`. Medians of interleaved rounds, one core.
// node:http's own parser (llhttp, in C++) stands beside it where it can be asked: its head events cost a call into
// JavaScript each, which is what the data path would pay.
import { createRequire } from 'node:module';
import { removeHopByHop } from '../src/wire/http1/hop-by-hop.ts';
import type { MessageEvents, RequestHead, ResponseHead } from '../src/wire/http1/message.ts';
import { createRequestParser, createResponseParser } from '../src/wire/http1/parser.ts';
import { requestHead, responseHead } from '../src/wire/http1/serialize.ts';

const REQUEST = Buffer.from(
  'GET /productpage?u=normal HTTP/1.1\r\nHost: productpage.default.svc.cluster.local:9080\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\n' +
    'Accept-Encoding: gzip, deflate, br\r\nX-Request-Id: 5d2c1f34-7e0c-9f5a-8a3e-1f0a7d5a2b11\r\n' +
    'X-B3-TraceId: 463ac35c9f6413ad48485a3953bb6124\r\nCookie: session=8e1f4a6c2b\r\n\r\n',
);
const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Tue, 05 Aug 2025 10:00:00 GMT\r\n' +
    'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 128\r\n\r\n' +
    'x'.repeat(128),
);
const CHUNKED = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n${`400\r\n${'x'.repeat(1024)}\r\n`.repeat(16)}0\r\n\r\n`,
);

let sink = 0;
const quiet = { onInformational: () => {}, onError: (error: unknown) => fail(error) };

function fail(error: unknown): never {
  throw new Error(JSON.stringify(error));
}

function requests(): () => void {
  const events: MessageEvents<RequestHead> = {
    ...quiet,
    onHead: (head) => {
      sink += head.headers.length;
    },
    onData: () => {},
    onEnd: () => parser.next(),
  };
  const parser = createRequestParser(events);
  return () => parser.feed(REQUEST);
}

function responses(bytes: Buffer): () => void {
  const to = { method: 'GET', upgrade: false };
  const events: MessageEvents<ResponseHead> = {
    ...quiet,
    onHead: (head) => {
      sink += head.status;
    },
    onData: (data) => {
      sink += data.length;
    },
    onEnd: () => parser.next(to),
  };
  const parser = createResponseParser(events);
  parser.next(to);
  return () => parser.feed(bytes);
}

/** What a proxy does with both heads of one exchange, but for routing: parse, strip, serialize to bytes. */
function exchange(): () => void {
  const to = { method: 'GET', upgrade: false };
  const incoming = createRequestParser({
    ...quiet,
    onHead: (head) => {
      removeHopByHop(head.headers);
      sink += Buffer.from(requestHead(head.method, head.path, head.headers), 'latin1').length;
    },
    onData: () => {},
    onEnd: () => incoming.next(),
  });
  const answer = createResponseParser({
    ...quiet,
    onHead: (head) => {
      removeHopByHop(head.headers);
      sink += Buffer.from(responseHead(head.status, head.reason, head.headers), 'latin1').length;
    },
    onData: () => {},
    onEnd: () => answer.next(to),
  });
  answer.next(to);
  return () => {
    incoming.feed(REQUEST);
    answer.feed(RESPONSE);
  };
}

/** llhttp as Node binds it; internal, so absent in other runtimes. Callbacks are numbered properties. */
interface Llhttp {
  new (): {
    initialize(type: number, resource: object): void;
    execute(bytes: Buffer): unknown;
    [n: number]: unknown;
  };
  readonly REQUEST: number;
  readonly kOnHeadersComplete: number;
  readonly kOnMessageComplete: number;
}

function llhttp(): (() => void) | undefined {
  const { HTTPParser } = createRequire(import.meta.url)('node:_http_common') as { HTTPParser?: Llhttp };
  if (HTTPParser === undefined) return undefined;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  parser[HTTPParser.kOnHeadersComplete] = (_major: number, _minor: number, headers: string[]) => {
    sink += headers.length;
    return 0;
  };
  parser[HTTPParser.kOnMessageComplete] = () => {};
  return () => void parser.execute(REQUEST);
}

const cases: [string, () => void, number][] = [
  [`request head, ${REQUEST.length} bytes, 7 fields`, requests(), 1],
  [`response, ${RESPONSE.length} bytes, 5 fields`, responses(RESPONSE), 1],
  ['response in 16 chunks of 1 KiB', responses(CHUNKED), 1],
  ['exchange: parse, strip, serialize both heads', exchange(), 1],
];
const peer = llhttp();
if (peer !== undefined) cases.push(['llhttp in Node, the same request head', peer, 1]);

const ROUNDS = 9;
const COUNT = Number(process.argv[2] ?? 100_000);
const nanos = cases.map((): number[] => []);
for (let round = 0; round <= ROUNDS; round++) {
  for (const [i, [, run]] of cases.entries()) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < COUNT; n++) run();
    if (round > 0) nanos[i]?.push(Number(process.hrtime.bigint() - start) / COUNT);
  }
}
for (const [i, [name]] of cases.entries()) {
  const median = nanos[i]?.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  console.log(
    `${name.padEnd(48)} ${median.toFixed(0).padStart(6)} ns  ${(1e9 / median).toFixed(0).padStart(9)} a second`,
  );
}
if (sink === 0) console.log('nothing was parsed');
