/**
 * The differences between Envoy and weft that are meant, each as code: docs/envoy-differences.md has the list with the
 * reasons. A form is applied to both outcomes and takes a difference out of them; a rule says of which cases weft
 * refuses what Envoy lets through.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Compared } from './compare.ts';
import type { Case } from './harness.ts';
import type { Message } from './messages.ts';

/** Both outcomes without what is meant to differ. */
export function allowed(one: Case, envoy: Compared, weft: Compared): readonly [Compared, Compared] {
  const e = inForm(envoy);
  const w = inForm(weft);
  if (refused(e) && refused(w) && isDeepStrictEqual(whole(e), whole(w))) return [w, w];
  if (meantRefusal(one, w) || isEarly(one, e, w) || isCut(one) || isRetried(weft)) return [w, w];
  return [e, w];
}

/** `late-refusal`: the head goes on before a bad body is seen; what reaches the upstream then is a request without end. */
function whole(outcome: Compared): readonly Message[] {
  return outcome.requests.filter((request) => request.complete);
}

function inForm(outcome: Compared): Compared {
  return {
    ...outcome,
    // `refusal-words`: a refusal may have a body whatever the method was, for the method may not be known.
    clientRest: refused(outcome) ? '' : outcome.clientRest,
    requests: outcome.requests.filter(isNoRepetition).map((message) => ({
      ...message,
      head: headForm(message.head),
      trailers: message.trailers.toLowerCase(),
    })),
    responses: outcome.responses.filter((message) => !INFORMATIONAL.test(message.head)).map(responseForm),
  };
}

/**
 * `header-lines`: Envoy puts Host first and joins repeated lines of the fields it knows; weft keeps lines and order.
 * `hop-lines`: fields of one connection are weft's own, in lower case behind the others; Envoy edits the peer's.
 */
function headForm(head: string): string {
  const [line = '', ...lines] = head.split('\r\n');
  const fields = joined(lines);
  const hop = fields.filter((field) => HOP.test(field)).map((field) => field.toLowerCase());
  const host = fields.filter((field) => /^host:/i.test(field));
  const others = fields.filter((field) => !HOP.test(field) && !/^host:/i.test(field));
  return [line, ...host, ...others, ...hop.sort()].join('\r\n');
}

/** `safe-retry`: what had gone out on a connection that was just closed is sent again where that is safe. */
function isNoRepetition(message: Message, i: number, all: readonly Message[]): boolean {
  return !isDeepStrictEqual(message, all[i - 1]);
}

/** `informational`: weft passes on what an upstream says before its answer, as RFC 9110 has it; Envoy drops most. */
const INFORMATIONAL = /^HTTP\/1\.[01] 1(?!01)\d\d /;
const HOP = /^(transfer-encoding|connection|upgrade):/i;

function joined(fields: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const field of fields) {
    const name = field.slice(0, field.indexOf(':') + 1).toLowerCase();
    const isMany = name === 'set-cookie:';
    const before = isMany ? -1 : lines.findIndex((line) => line.toLowerCase().startsWith(name));
    if (before < 0) lines.push(field);
    else if (name !== 'te:')
      lines[before] += `${name === 'cookie:' ? '; ' : ','}${field.slice(name.length).trimStart()}`;
  }
  return lines;
}

/** `refusal-words`: an answer of the proxy itself says in words what happened; Envoy's says less or nothing. */
function responseForm(message: Message): Message {
  // How much of a broken body goes on before it shows that it is broken is a matter of buffers.
  if (!message.complete) return responseForm({ ...message, body: '', trailers: '', complete: true });
  const [line = '', ...fields] = headForm(message.head).split('\r\n');
  const isUpstreams = fields.some((field) => field.startsWith('x-envoy-upstream-service-time: '));
  // `head-without-length`: to HEAD Envoy says chunked where it would send chunks.
  const said = message.framing === 'none' ? fields.filter((field) => !HOP.test(field)) : fields;
  if (isUpstreams || / 101 /.test(line))
    return { ...message, head: [line, ...said].join('\r\n'), trailers: message.trailers.toLowerCase() };
  const about = fields.filter((field) => !/^(content-length|content-type|transfer-encoding):/i.test(field));
  return { ...message, framing: 'length', body: '', head: [line, ...about.sort()].join('\r\n') };
}

/** `refusal-status`: whatever reached the upstream was answered; the last answer refuses and closes. */
function refused(outcome: Compared): boolean {
  const last = outcome.responses.at(-1)?.head ?? '';
  return (
    /^HTTP\/1\.[01] (400|404|414|426|431|501|505) /.test(last) &&
    /\r\nconnection: close/.test(last) &&
    outcome.connection !== 'open' &&
    whole(outcome).length < outcome.responses.length
  );
}

/** `early-answer`: weft reads the rest of the request and keeps the connection, Envoy closes it. */
function isEarly(one: Case, envoy: Compared, weft: Compared): boolean {
  const [e = [], w = []] = [envoy, weft].map(({ responses }) =>
    responses.map(({ head }) => head.slice(0, 12)),
  );
  if (one.answers.some(({ early }) => early)) return e[0] === w[0];
  return envoy.connection === 'closed' && weft.connection === 'open' && e.every((start, i) => start === w[i]);
}

/** `safe-retry`: the second sending got the answer that was meant for the next request. */
function isRetried({ requests }: Compared): boolean {
  return requests.some((message, i) => !isNoRepetition(message, i, requests));
}

/** `reset-is-no-end`: an answer until the end of the connection that ends in a reset is cut, not complete. */
function isCut(one: Case): boolean {
  return one.answers.some(
    ({ bytes, after }) => after === 'reset' && !/^(content-length|transfer-encoding):/im.test(bytes),
  );
}

interface RefusalRule {
  readonly name: string;
  /** What is in the client's bytes. */
  readonly request?: RegExp;
  /** What is in the upstream's. */
  readonly answer?: RegExp;
  /** Weft does not refuse, but what it does is meant. */
  readonly any?: boolean;
}

/** What weft refuses and Envoy lets through: whatever two readers could read differently. */
const RULES: readonly RefusalRule[] = [
  { name: 'host-missing', request: /^[^\n]* https?:\/\/[^\n]* HTTP\/1\.1\r?\n(?!(.*\r\n)*host:)/i },
  { name: 'request-line', request: /^[^\r\n]* HTTP\/1\.1 +\r\n/m },
  { name: 'lead', request: /^\n/ },
  { name: 'version', request: /^\S* \S+ (?!HTTP\/1\.[01]\r)/m, answer: /^HTTP\/(?!1\.[01] [^ ])/m },
  { name: 'several-hosts', request: /^host:[^\n]*\n([^\r\n]+\r\n)*?host:/im },
  { name: 'bad-host', request: /^host: (a b|a\/b|u@a|a,b|a:x)\r$/im },
  { name: 'user-in-target', request: /^\S+ https?:\/\/[^/ ]*@/im },
  {
    name: 'nominations',
    request: /^connection:.*\b(host|x-forwarded-\w+|x-request-id|content-length|cookie|authorization|te)\b/im,
    any: true,
  },
  { name: 'unwanted-switch', request: /^upgrade:/im, any: true },
  { name: 'long-answer', answer: /v{60000}/ },
  { name: 'nominations-in-answer', answer: /^connection:.*x-/im, any: true },
  { name: 'folding', request: /\r\n[ \t]/, answer: /\r\n[ \t]/ },
  { name: 'bare-cr-or-lf', request: /\r(?!\n)|(?<!\r)\n/, answer: /\r(?!\n)|(?<!\r)\n/ },
  { name: 'control-character', request: /;[^\r]*\0/, answer: /;[^\r]*\0/ },
  { name: 'chunk-size', answer: /\r\n5 +\r\n/ },
  { name: 'absolute-query', request: /^\S+ https?:\/\/[^/ ]*\?/im, any: true },
  { name: 'chunk-extensions', request: /;e{3000}/, answer: /;e{3000}/ },
  { name: 'several-codings', request: /^transfer-encoding:(.*\r\n)+transfer-encoding:/im },
  { name: 'unasked-switch', answer: /^HTTP\/1\.1 101 /, any: true },
  {
    name: 'cut-until-close',
    request: /^\S* \S+ HTTP\/1\.0\r\n/m,
    answer: /^transfer-encoding:/im,
    any: true,
  },
  { name: 'options-for-the-server', request: /^OPTIONS https?:\/\/[^/ ]+ /im, any: true },
  { name: 'plain-length', request: /^content-length: 05\r$/im, any: true },
  { name: 'chunk-end', request: /helloX/, answer: /helloX/ },
  { name: 'old-chunked', request: /HTTP\/1\.0\r\n([^\r\n]+\r\n)*?transfer-encoding:/i },
  {
    name: 'trailers-that-route',
    request: /\r\n0\r\n(host|content-length):/i,
    answer: /\r\n0\r\n(host|content-length):/i,
  },
  { name: 'status', answer: /^HTTP\/1\.[01] (?![1-9]\d\d(?: |\r))/m },
];

function meantRefusal(one: Case, weft: Compared): boolean {
  const isBad = weft.responses.some(({ head, complete }) => /^HTTP\/1\.[01] 502 /.test(head) || !complete);
  const answers = one.answers.map(({ bytes }) => bytes);
  return isMeant(one.pieces.join(''), answers, refused(weft), isBad);
}

/** Whether a rule speaks of these bytes, where weft refused the request, or found an answer bad. */
export function isMeant(
  bytes: string,
  answers: readonly string[],
  isRefused: boolean,
  isBad: boolean,
): boolean {
  return RULES.some(
    ({ request, answer, any = false }) =>
      ((any || isRefused) && request?.test(bytes)) ||
      ((any || isBad) && answers.some((each) => answer?.test(each))),
  );
}
