/** One form for messages of both protocols, so that what a proxy turns into the other one can be compared. */

import type { Message } from '../messages.ts';
import type { ClientRecord } from '../raw-client.ts';
import { PROBE_BODY, PROBE_PATH, type UpstreamRecord } from '../recording-upstream.ts';
import type { FrameClientRecord } from './client.ts';
import type { Field, Heard } from './frames.ts';

export interface Told {
  /** `name: value`, pseudo-headers first, the others by name; several of one name as they came. */
  readonly head: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** `complete`, `open`, or how it was cut. */
  readonly end: string;
}

export interface Compared {
  /** In the order of the client's streams. */
  readonly responses: readonly Told[];
  readonly connection: string;
  readonly requests: readonly Told[];
}

/** What is another on every run. */
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

export function comparable(
  client: FrameClientRecord | ClientRecord,
  upstream: readonly Heard[] | UpstreamRecord,
): Compared {
  const responses = 'streams' in client ? client.streams.map(toldStream) : answersOf(client.responses);
  const requests =
    'requests' in upstream
      ? upstream.requests.filter(({ head }) => !head.includes(` ${PROBE_PATH} `)).map(toldMessage)
      : upstream.map(toldStream);
  return { responses, connection: client.connection, requests: byAnswer(requests) };
}

/** Final ones, without the one that asks whether the connection is open. */
function answersOf(messages: readonly Message[]): readonly Told[] {
  const final = messages.filter(({ head }) => !/^HTTP\/1\.[01] 1\d\d/.test(head));
  const isProbe = final.at(-1)?.body === PROBE_BODY;
  return (isProbe ? final.slice(0, -1) : final).map(toldMessage);
}

/** Streams of one connection overtake each other. */
function byAnswer(requests: readonly Told[]): readonly Told[] {
  const number = ({ head }: Told): string => head.find((line) => line.startsWith('x-answer: ')) ?? '';
  return [...requests].sort((a, b) => (number(a) < number(b) ? -1 : number(a) > number(b) ? 1 : 0));
}

function toldStream({ blocks, body, trailers, end }: Heard): Told {
  return { head: linesOf(blocks.at(-1) ?? []), body, trailers: linesOf(trailers ?? []), end };
}

function toldMessage({ head, body, trailers, complete }: Message): Told {
  const [start = '', ...lines] = head.split('\r\n');
  const split = (line: string): Field => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  };
  const pseudo: Field = start.startsWith('HTTP/') ? [':status', start.slice(9, 12)] : [':start', start];
  const trailing = trailers === '' ? [] : trailers.split('\r\n').map(split);
  return {
    head: linesOf([pseudo, ...lines.map(split)]),
    body,
    trailers: linesOf(trailing),
    end: complete ? 'complete' : 'cut',
  };
}

/** Fields of one connection are its own; which of several lines comes first matters within a name only. */
function linesOf(fields: readonly Field[]): readonly string[] {
  return [...fields]
    .filter(([name]) => name !== 'connection' && name !== 'transfer-encoding' && name !== 'keep-alive')
    .map(([name, value]): Field => {
      if (name === 'date' && value.endsWith('GMT')) return [name, '*'];
      if (name === 'x-envoy-upstream-service-time') return [name, '*'];
      return [name, value.replace(UUID, '*')];
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}: ${value}`);
}
