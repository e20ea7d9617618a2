/** What may differ with HTTP/2, as code: docs/envoy-differences.md has the reasons. */
import { isDeepStrictEqual } from 'node:util';
import { FLAG, FRAME } from '../../../src/wire/http2/protocol.ts';
import { isMeant } from '../intended.ts';
import type { Compared, Told } from './compare.ts';
import type { Field, Frame } from './frames.ts';
import { BREAKING } from './parts.ts';
import { type Recipe, textOf } from './recipe.ts';

export function allowed(recipe: Recipe, envoy: Compared, weft: Compared): readonly [Compared, Compared] {
  const heads = headAsked(recipe);
  const gone = goneStreams(recipe);
  const e = inForm(envoy, heads, gone);
  const w = inForm(weft, heads, gone);
  // `end-of-connection`: what was under way when it broke.
  if ('frames' in recipe.client && e.connection === 'closed' && w.connection === 'closed') return [w, w];
  const { pieces, answers } = textOf(recipe);
  const isRefused = w.responses.some(({ head }) => head[0] === REFUSED);
  const isBad = w.responses.some(
    ({ head, end }) =>
      /^:status: 502/.test(head[0] ?? '') || end !== 'complete' || head.includes('grpc-status: 14'),
  );
  const texts = answers.map(({ bytes }) => bytes);
  if (isMeant(pieces.join(''), texts, isRefused, isBad)) return [w, w];
  const isMeantHere =
    hasLengthOf204(recipe) ||
    isEarly(recipe, e, w) ||
    hasBodyForHead(recipe, heads) ||
    isOddAnswer(recipe) ||
    asksByHttps(recipe) ||
    (isRefused && isMalformed(recipe)) ||
    (e.connection === 'closed' &&
      w.connection === 'open' &&
      (endsOnlyItsStream(recipe) || sendsEmptyFrames(recipe))) ||
    (e.connection === 'open' && w.connection === 'closed' && breaksFrames(recipe)) ||
    hasBadStatus(recipe) ||
    recipe.answers.some((answer) => ('frames' in answer ? answer : answer.how).after === 'reset');
  return isMeantHere ? [w, w] : [e, w];
}

/** `length-of-204`: content-length has no place in a 204; weft takes it away, Envoy answers 502. */
function hasLengthOf204({ answers }: Recipe): boolean {
  return answers.some(
    (answer) =>
      'frames' in answer &&
      answer.frames.some(
        ({ fields = [] }) =>
          fieldOf(fields, ':status') === '204' && fieldOf(fields, 'content-length') !== undefined,
      ),
  );
}

/** `hints-with-length`, `data-before-head`: malformed for Envoy, or for weft; of no consequence. */
function isOddAnswer({ answers }: Recipe): boolean {
  return answers.some(
    (answer) =>
      'frames' in answer &&
      answer.frames.some(({ type, fields = [] }, i) => {
        const isHint = fieldOf(fields, ':status')?.startsWith('1') ?? false;
        return (
          isHint &&
          (fieldOf(fields, 'content-length') !== undefined || answer.frames[i + 1]?.type === FRAME.DATA) &&
          type === FRAME.HEADERS
        );
      }),
  );
}

/** `scheme-of-absolute`: :scheme says what the connection is, whatever an absolute target says. */
function asksByHttps({ client }: Recipe): boolean {
  return !('frames' in client) && client.some(({ line }) => / https?:/i.test(line));
}

/** `blank-ends`, `host-differs`: weft refuses what RFC 9113 8.2.1 and 8.3.1 call malformed; Envoy trims, or drops the host. */
function isMalformed({ client }: Recipe): boolean {
  return (
    'frames' in client &&
    client.frames.some(({ fields = [] }) => {
      const host = fieldOf(fields, 'host');
      const authority = fieldOf(fields, ':authority');
      const differs = host !== undefined && authority !== undefined && host !== authority;
      return differs || fields.some(([, value]) => value !== value.trim());
    })
  );
}

/** `stream-errors`: what RFC 9113 calls an error of a stream ends that stream; for Envoy some are the connection's. */
function endsOnlyItsStream({ client }: Recipe): boolean {
  if (!('frames' in client)) return false;
  const ended = new Set<number>();
  return client.frames.some(({ stream, type, flags = 0 }) => {
    if (stream > 0 && type === FRAME.WINDOW_UPDATE) return true;
    if (type !== FRAME.DATA && type !== FRAME.HEADERS) return false;
    if (ended.has(stream)) return true;
    if ((flags & FLAG.END_STREAM) !== 0) ended.add(stream);
    return false;
  });
}

function headAsked({ client }: Recipe): readonly boolean[] {
  if (!('frames' in client)) return client.map(({ method }) => method === 'HEAD');
  return Array.from({ length: client.streams }, (_, i) =>
    client.frames.some(
      ({ stream, fields = [] }) => stream === i + 1 && fieldOf(fields, ':method') === 'HEAD',
    ),
  );
}

/** Streams that the client itself resets, or never ends: what it hears of them is a matter of time. */
function goneStreams({ client }: Recipe): ReadonlySet<number> {
  if (!('frames' in client)) return new Set();
  const gone = new Set<number>();
  for (let stream = 1; stream <= client.streams; stream++) {
    const own = client.frames.filter((frame) => frame.stream === stream);
    const ends = own.some(
      ({ type, flags = 0 }) =>
        (type === FRAME.DATA || type === FRAME.HEADERS) && (flags & FLAG.END_STREAM) !== 0,
    );
    if (!ends || own.some(({ type }) => type === FRAME.RST_STREAM)) gone.add(stream - 1);
  }
  return gone;
}

/** `empty-frames`: Envoy takes one empty DATA in a row; weft's limit is that of floods. */
function sendsEmptyFrames({ client }: Recipe): boolean {
  const empty = ({ type, payload = '' }: Frame): boolean => type === FRAME.DATA && payload === '';
  return 'frames' in client && client.frames.filter(empty).length > 1;
}

/** `strict-frames`: a frame that RFC 9113 calls an error of the connection ends it, on streams that are gone too. */
function breaksFrames({ client }: Recipe): boolean {
  if (!('frames' in client)) return false;
  const isReset = new Set<number>();
  return client.frames.some((frame) => {
    if (frame.type === FRAME.RST_STREAM) isReset.add(frame.stream);
    return BREAKING.includes(frame) || (frame.type === FRAME.HEADERS && isReset.has(frame.stream));
  });
}

/** `stream-errors`: an answer without a status of three digits ends its stream; for Envoy also its connection. */
function hasBadStatus({ answers }: Recipe): boolean {
  const isBad = (fields: readonly Field[]): boolean =>
    !/^[1-9]\d\d$/.test(fieldOf(fields, ':status') ?? '200');
  return (
    answers.length > 1 &&
    answers.some((answer) => 'frames' in answer && answer.frames.some(({ fields = [] }) => isBad(fields)))
  );
}

/** `early-answer`: Envoy gives some of these up when the rest of the request comes. */
function isEarly({ answers }: Recipe, envoy: Compared, weft: Compared): boolean {
  if (!answers.some((answer) => ('frames' in answer ? answer.early : answer.how.early))) return false;
  return weft.responses.every(({ head }, i) => {
    const status = envoy.responses[i]?.head[0];
    return status === undefined || status === REFUSED || status === head[0];
  });
}

/** `bodyless-answers`: DATA behind such a head ends the whole connection for Envoy, the other streams with it. */
function hasBodyForHead({ client, answers }: Recipe, heads: readonly boolean[]): boolean {
  if (!('frames' in client) || client.streams < 2) return false;
  return answers.some(
    (answer, i) =>
      heads[i] &&
      'frames' in answer &&
      answer.frames.some(({ payload = '', type }) => type === FRAME.DATA && payload !== ''),
  );
}

function fieldOf(fields: readonly Field[], name: string): string | undefined {
  return fields.find((field) => field[0] === name)?.[1];
}

function inForm(outcome: Compared, heads: readonly boolean[], gone: ReadonlySet<number>): Compared {
  const responses = outcome.responses.map((told, i) =>
    gone.has(i) ? NOTHING : responseForm(told, heads[i] ?? false),
  );
  const answerOf = ({ head }: Told): number =>
    Number(head.find((line) => line.startsWith('x-answer: '))?.slice(10) ?? 0);
  return {
    responses,
    // Whether a GOAWAY goes before the end is a matter of what was in the same packet.
    connection: outcome.connection === 'broken' ? 'closed' : outcome.connection,
    // `late-refusal`: how much of a request that is cut goes on before.
    requests: outcome.requests
      .filter(
        (told) =>
          told.end === 'complete' &&
          responses[answerOf(told)]?.head[0] !== REFUSED &&
          !gone.has(answerOf(told)),
      )
      .map(joinedForm)
      // `safe-retry`
      .filter((told, i, all) => !isDeepStrictEqual(told, all[i - 1])),
  };
}

const REFUSED = ':refused';
const NOTHING: Told = { head: [], body: '', trailers: [], end: '' };

/** `refusal-words`, `refusal-as-answer`: an answer of the proxy itself. */
function responseForm(told: Told, isHead: boolean): Told {
  const one = joinedForm(told);
  const status = one.head[0] ?? '';
  const isUpstreams = one.head.some((line) => line.startsWith('x-envoy-upstream-service-time: '));
  if (/^reset (PROTOCOL|INTERNAL)_ERROR/.test(one.end) && status === '')
    return { head: [REFUSED], body: '', trailers: [], end: 'complete' };
  if (!isUpstreams && /^:status: (400|404|414|426|431|501|505)/.test(status))
    return { head: [REFUSED], body: '', trailers: [], end: 'complete' };
  if (!isUpstreams && one.head.includes('grpc-status: 13'))
    return { head: [REFUSED], body: '', trailers: [], end: 'complete' };
  // `host-in-answers`: it means nothing there.
  const said = one.head.filter((line) => !line.startsWith('host: '));
  const head = isUpstreams
    ? said
    : said.filter((line) => !/^(content-(length|type)|grpc-message): /.test(line));
  // `bodyless-answers`: the head of such an answer is all of it; what an upstream sends behind it is dropped.
  if (isHead || /^:status: (204|304)/.test(status))
    return {
      head: head.filter((line) => !/^content-length: /.test(line)),
      body: '',
      trailers: [],
      end: 'complete',
    };
  if (one.head.length > 0 && !isUpstreams) return { ...one, head, body: '' };
  // How much of a broken body goes on before it shows that it is broken is a matter of buffers.
  return one.end === 'complete' ? { ...one, head } : { ...one, head, body: '', trailers: [] };
}

/** `header-lines`: Envoy joins repeated lines of the fields it knows. */
function joinedForm(told: Told): Told {
  const head: string[] = [];
  for (const line of told.head) {
    const name = line.slice(0, line.indexOf(': ') + 2);
    const isMore = name !== 'set-cookie: ' && head.at(-1)?.startsWith(name);
    const joint = name === 'cookie: ' ? '; ' : ',';
    if (!isMore) head.push(line);
    else if (name !== 'te: ') head.push(`${head.pop()}${joint}${line.slice(name.length)}`);
  }
  return { ...told, head };
}
