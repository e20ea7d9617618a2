/**
 * Requests and answers of HTTP/1 by seed: sound ones, odd ones and hostile ones. A recipe is made of lines, so that one
 * that shows a difference can be made smaller line by line.
 */
import type { Random } from '../../src/lib/random.ts';
import type { Case } from './harness.ts';
import type { ScriptedAnswer } from './recording-upstream.ts';

export interface RequestRecipe {
  readonly method: string;
  readonly line: string;
  /** With their line ends. */
  readonly fields: readonly string[];
  readonly body: string;
}

export interface AnswerRecipe {
  readonly line: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly how: Omit<ScriptedAnswer, 'bytes'>;
}

export interface Recipe {
  readonly requests: readonly RequestRecipe[];
  readonly answers: readonly AnswerRecipe[];
  /** Where the client's bytes are cut. */
  readonly cuts: readonly number[];
}

export function caseOf({ requests, answers, cuts }: Recipe): Case {
  const text = requests.map(({ line, fields, body }) => `${line}${fields.join('')}\r\n${body}`).join('');
  const places = [0, ...cuts.filter((at) => at < text.length), text.length];
  const switches = requests.some(({ fields }) => fields.some((field) => /^upgrade:/i.test(field)));
  return {
    pieces: places.slice(1).map((end, i) => text.slice(places[i], end)),
    methods: requests.map(({ method }) => method),
    answers: answers.map(({ line, fields, body, how }) => ({
      bytes: `${line}${fields.join('')}\r\n${body}`,
      ...how,
    })),
    ...(switches ? { afterSwitch: 'bytes of another protocol' } : {}),
  };
}

/** Recipes with something taken away, the largest things first. */
export function* smaller(recipe: Recipe): Generator<Recipe> {
  const { requests, answers, cuts } = recipe;
  const without = <T>(list: readonly T[], i: number): readonly T[] => [
    ...list.slice(0, i),
    ...list.slice(i + 1),
  ];
  if (cuts.length > 0) yield { ...recipe, cuts: [] };
  for (let i = 0; i < requests.length && requests.length > 1; i++)
    yield { ...recipe, requests: without(requests, i) };
  for (let i = 0; i < answers.length && answers.length > 1; i++)
    yield { ...recipe, answers: without(answers, i) };
  for (const key of ['requests', 'answers'] as const)
    for (const [i, one] of recipe[key].entries()) {
      const changed = (parts: Partial<RequestRecipe & AnswerRecipe>): Recipe => ({
        ...recipe,
        [key]: recipe[key].map((other, j) => (j === i ? { ...other, ...parts } : other)),
      });
      for (let f = 0; f < one.fields.length; f++)
        if (!/^host: [^\r]*\r\n$/i.test(one.fields[f] as string))
          yield changed({ fields: without(one.fields, f) });
      if (one.body !== '') yield changed({ body: '' });
      if ('how' in one && Object.keys(one.how).length > 0) yield changed({ how: {} });
    }
}

export function generate(random: Random): Recipe {
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
  const chance = (percent: number): boolean => random.below(100) < percent;
  const hostile = chance(35);
  const requests = Array.from({ length: chance(20) ? 2 + random.below(2) : 1 }, () =>
    generateRequest(pick, chance, hostile),
  );
  const answers = Array.from({ length: requests.length }, () => generateAnswer(pick, chance));
  const length = requests.reduce(
    (sum, one) => sum + one.line.length + one.fields.join('').length + one.body.length,
    2,
  );
  const cuts = chance(40) ? Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(length)) : [];
  return { requests, answers, cuts: [...new Set(cuts)].sort((a, b) => a - b) };
}

type Pick = <T>(from: readonly T[]) => T;
type Chance = (percent: number) => boolean;

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'];
const ODD_METHODS = ['get', 'BREW', 'M-SEARCH', 'CONNECT', 'G@T', 'GE T', '', 'PRI', 'X'.repeat(300)];
const TARGETS = [
  ...['/', '/a', '/a/b?c=d&e', '/%41%2f', '/a//b', '/a/../b', '/?', '/a?b?c', '/~x', "/a'b(c)*;p=1", '/a:80'],
  ...['/a%zz', '/a|b', '/a{b}', '/a[b]', '/a^b`', '/"q"', '/a\\b'],
];
const ODD_TARGETS = [
  ...[
    'http://a/x',
    'http://a:81?q',
    'https://a/',
    'HTTP://a/x',
    'http://u@a/x',
    'http:///x',
    'ftp://a/x',
    'http://a',
  ],
  ...[
    '*',
    'a',
    'a:80',
    '/a#b',
    '/a b',
    '/\xe9',
    '/a\x7f',
    '/a\tb',
    '',
    '//a/b',
    '?q',
    `/${'l'.repeat(9000)}`,
  ],
];
const ODD_VERSIONS = [
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/1',
  '',
  'HTTP/1.1 ',
];
const FIELDS = [
  ...[
    'Accept: */*\r\n',
    'accept: text/html\r\n',
    'X-Case: A\r\n',
    'x-case: b\r\n',
    'X-CASE: c\r\n',
    'x-empty:\r\n',
  ],
  ...[
    'Cookie: a=1\r\n',
    'Cookie: b=2; c=3\r\n',
    'User-Agent: t/1\r\n',
    'x_under: 1\r\n',
    'X-Space:  a  b \t\r\n',
  ],
  ...['TE: trailers\r\n', 'TE: trailers, deflate\r\n', 'Connection: keep-alive\r\n', 'Connection: close\r\n'],
  ...[
    'Connection: x-case\r\n',
    'Connection: Keep-Alive, X-Case\r\n',
    'Keep-Alive: timeout=5\r\n',
    'Referer: http://r/\r\n',
  ],
  ...[
    'Proxy-Connection: keep-alive\r\n',
    'X-Forwarded-For: 1.2.3.4\r\n',
    'X-Forwarded-Proto: https\r\n',
    'Via: 1.1 x\r\n',
  ],
  ...[
    'X-Request-Id: mine\r\n',
    'x-envoy-internal: true\r\n',
    'x-envoy-max-retries: 1\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'Authorization: Basic eDp5\r\n',
    'X-Latin: \xe9\r\n',
    'Content-Type: application/grpc-x\r\n',
    '1-2: 3\r\n',
    "!#$%&'*+-.^_`|~: y\r\n",
  ],
  ...[
    'Accept-Encoding: gzip\r\n',
    'Accept-Encoding: br\r\n',
    'If-None-Match: "x"\r\n',
    'Range: bytes=0-1\r\n',
    'grpc-timeout: 1S\r\n',
  ],
];
const HOSTILE_FIELDS = [
  ...[
    'X-Fold: a\r\n b\r\n',
    ' X-Lead: a\r\n',
    'X-Space : a\r\n',
    ': none\r\n',
    'no-colon\r\n',
    'X-Nul: a\0b\r\n',
    'X-Cr: a\rb\r\n',
  ],
  ...[
    'X-Lf: a\n',
    'X-Ctl: a\x01b\r\n',
    'X-Del: a\x7f\r\n',
    'X\0Y: a\r\n',
    'X(Y): a\r\n',
    '\xe9: a\r\n',
    'X Y: a\r\n',
    '"q": a\r\n',
  ],
  ...[
    'Host: b\r\n',
    'Host:\r\n',
    'Host: a b\r\n',
    'Host: a/b\r\n',
    'Host: u@a\r\n',
    'Host: a,b\r\n',
    'Host: a:x\r\n',
    'Host: [::1]:80\r\n',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 05\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: -1\r\n',
  ],
  ...[
    'Content-Length: 0x5\r\n',
    'Content-Length: 5 5\r\n',
    'Content-Length:\r\n',
    'Content-Length: 99999999999999999999\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: CHUNKED\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding: identity\r\n',
    'Transfer-Encoding: xchunked\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked, chunked\r\n',
    'Transfer-Encoding:\r\n',
    'Transfer-Encoding : chunked\r\n',
    'Transfer-Encoding: \x0bchunked\r\n',
  ],
  ...[
    'Connection: upgrade\r\n',
    'Connection: host\r\n',
    'Connection: content-length\r\n',
    'Connection: x-forwarded-for\r\n',
    'Connection: te\r\n',
  ],
  ...[
    'TE: gzip\r\n',
    'Expect: 200-ok\r\n',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n',
  ],
  ...[
    `X-Long: ${'v'.repeat(20_000)}\r\n`,
    `X-Longer: ${'v'.repeat(70_000)}\r\n`,
    `${'n'.repeat(3000)}: v\r\n`,
    'x: 1\r\n'.repeat(110),
  ],
];
const CHUNKED = [
  ...[
    '5\r\nhello\r\n0\r\n\r\n',
    '5;a=b\r\nhello\r\n0;x\r\n\r\n',
    '1\r\nh\r\n04\r\nello\r\n00\r\n\r\n',
    '0\r\n\r\n',
    'A\r\n0123456789\r\n0\r\n\r\n',
  ],
  ...[
    '5\r\nhello\r\n0\r\nX-Trailer: 1\r\nx-more: 2\r\n\r\n',
    '5;q="a;b"\r\nhello\r\n0\r\n\r\n',
    '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
  ],
];
const BAD_CHUNKED = [
  ...[
    '5\r\nhello0\r\n\r\n',
    '5\nhello\n0\n\n',
    'g\r\nhello\r\n0\r\n\r\n',
    '-1\r\n\r\n',
    '0x5\r\nhello\r\n0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '5 \r\nhello\r\n0\r\n\r\n',
    '5 ;a\r\nhello\r\n0\r\n\r\n',
    'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n',
    '\r\n0\r\n\r\n',
  ],
  ...[
    '5;\0\r\nhello\r\n0\r\n\r\n',
    '5;a\rb\r\nhello\r\n0\r\n\r\n',
    '5;a\nb\r\nhello\r\n0\r\n\r\n',
    '+5\r\nhello\r\n0\r\n\r\n',
    '5_0\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    '5\r\nhello\r\n0\r\nContent-Length: 4\r\n\r\n',
    '5\r\nhello\r\n0\r\nbad trailer\r\n\r\n',
    '5\r\nhello\r\n0\r\nHost: z\r\n\r\n',
    '5\r\nhelloX\r\n0\r\n\r\n',
  ],
  `5;${'e'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`,
];

function generateRequest(pick: Pick, chance: Chance, hostile: boolean): RequestRecipe {
  const method = hostile && chance(12) ? pick(ODD_METHODS) : pick(METHODS);
  const target = chance(hostile ? 20 : 6) ? pick(ODD_TARGETS) : pick(TARGETS);
  const version = chance(hostile ? 15 : 5) ? pick(ODD_VERSIONS) : 'HTTP/1.1';
  const fields =
    hostile && chance(8)
      ? []
      : [pick(['Host: a\r\n', 'Host: a\r\n', 'host: b.c:8080\r\n', 'HOST: [::1]\r\n'])];
  for (let i = 0; i < 4; i++) if (chance(55)) fields.push(pick(FIELDS));
  if (hostile) for (let i = 0; i < 2; i++) if (chance(60)) fields.push(pick(HOSTILE_FIELDS));
  if (chance(3))
    fields.push('Connection: Upgrade\r\n', pick(['Upgrade: websocket\r\n', 'Upgrade: other\r\n']));
  let body = '';
  if (method !== 'GET' || chance(10)) {
    const kind = pick(['length', 'length', 'chunked', 'chunked', 'none']);
    if (kind === 'length') {
      body = pick(['', 'hello', 'x'.repeat(9000), '\0\r\n\xff']);
      fields.push(`${pick(['Content-Length', 'content-length'])}: ${body.length}\r\n`);
    } else if (kind === 'chunked') {
      body = pick(hostile && chance(50) ? BAD_CHUNKED : CHUNKED);
      fields.push(`${pick(['Transfer-Encoding', 'transfer-encoding'])}: ${pick(['chunked', 'Chunked'])}\r\n`);
    }
  }
  const [first, ...others] = fields;
  const mixed = chance(50) || first === undefined ? fields : [...others, first];
  const end = hostile && chance(3) ? pick(['\n', '\r', '\r\r\n']) : '\r\n';
  const lead = chance(3) ? pick(['\r\n', '\n', ' ']) : '';
  return { method, line: `${lead}${method} ${target} ${version}${end}`, fields: mixed, body };
}

const ANSWER_FIELDS = [
  ...[
    'X-Up: 1\r\n',
    'x-up: 2\r\n',
    'Set-Cookie: a=1\r\n',
    'Set-Cookie: b=2\r\n',
    'Server: up\r\n',
    'Date: then\r\n',
    'X-Empty:\r\n',
  ],
  ...[
    'Connection: keep-alive\r\n',
    'Keep-Alive: timeout=4\r\n',
    'Content-Type: text/html\r\n',
    'Via: up\r\n',
    'Vary: a\r\n',
    'Vary: b\r\n',
  ],
  ...[
    'x-envoy-upstream-service-time: 9\r\n',
    'Connection: x-up\r\n',
    'Upgrade: x\r\n',
    'Trailer: x\r\n',
    'X-Latin: \xe9\r\n',
    'Location: /x\r\n',
  ],
];
const ODD_ANSWER_FIELDS = [
  ...[
    'X-Fold: a\r\n b\r\n',
    'X-Nul: a\0b\r\n',
    'X-Space : a\r\n',
    'no-colon\r\n',
    'X-Lf: a\n',
    'X-Cr: a\rb\r\n',
    ': a\r\n',
    'Connection: close\r\n',
  ],
  ...[
    'Content-Length: 3\r\n',
    'Content-Length: x\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip\r\n',
    'X-Ctl: \x01\r\n',
  ],
  ...[
    'Proxy-Connection: close\r\n',
    `X-Long: ${'v'.repeat(20_000)}\r\n`,
    `X-Longer: ${'v'.repeat(70_000)}\r\n`,
    'x: 1\r\n'.repeat(110),
  ],
];
const STATUS_LINES = [
  ...[
    '200 OK',
    '200 OK',
    '200 OK',
    '200 Fine',
    '201 Created',
    '204 No Content',
    '304 Not Modified',
    '404 Not Found',
    '500 Oops',
    '503 Busy',
  ],
  ...['302 Found', '299 ', '599 Odd', '206 Partial', '205 Reset'],
];
const ODD_STATUS_LINES = [
  ...[
    'HTTP/1.0 200 OK\r\n',
    'HTTP/1.1 200\r\n',
    'HTTP/1.1 99 Low\r\n',
    'HTTP/1.1 600 High\r\n',
    'HTTP/1.1 1000 X\r\n',
    'HTTP/2.0 200 OK\r\n',
  ],
  ...[
    'ICY 200 OK\r\n',
    'HTTP/1.1 abc OK\r\n',
    'HTTP/1.1  200 OK\r\n',
    '\r\n',
    'garbage\r\n',
    'HTTP/1.1 200 OK\n',
    'HTTP/1.1 101 Switching\r\n',
  ],
  ...[
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n',
  ],
  ...[
    'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 O\0K\r\n',
    'HTTP/1.1 200 \xe9\r\n',
  ],
];

function generateAnswer(pick: Pick, chance: Chance): AnswerRecipe {
  const odd = chance(25);
  const line = odd && chance(50) ? pick(ODD_STATUS_LINES) : `HTTP/1.1 ${pick(STATUS_LINES)}\r\n`;
  const fields: string[] = [];
  for (let i = 0; i < 3; i++) if (chance(40)) fields.push(pick(ANSWER_FIELDS));
  if (odd && chance(60)) fields.push(pick(ODD_ANSWER_FIELDS));
  const how: { after?: 'end' | 'reset'; early?: boolean; split?: number } = {};
  let body = '';
  const kind = pick(['length', 'length', 'length', 'chunked', 'chunked', 'close', 'empty']);
  if (kind === 'length') {
    body = pick(['', 'ok', 'y'.repeat(9000)]);
    fields.push(`Content-Length: ${body.length}\r\n`);
    if (odd && chance(20)) body = pick([body.slice(1), `${body}extra`]);
  } else if (kind === 'chunked') {
    body = pick(odd && chance(40) ? BAD_CHUNKED : CHUNKED);
    fields.push('Transfer-Encoding: chunked\r\n');
  } else if (kind === 'close') {
    body = pick(['', 'until the end']);
    how.after = 'end';
  } else fields.push('Content-Length: 0\r\n');
  if (chance(odd ? 30 : 5)) how.after = pick(['end', 'end', 'reset']);
  if (chance(8)) how.early = true;
  if (chance(20)) how.split = 1 + Math.floor(line.length / 2);
  return { line, fields, body, how };
}
