/**
 * Connections of HTTP/2 by seed: requests as frames, several streams mixed, and answers as frames. A recipe is a list of
 * frames, so that one that shows a difference can be made smaller frame by frame and field by field.
 */
import type { Random } from '../../../src/lib/random.ts';
import { FLAG, FRAME } from '../../../src/wire/http2/protocol.ts';
import { METHODS, TARGETS } from '../request-parts.ts';
import { encodeFrame, type Field, type Frame } from './frames.ts';
import * as parts from './parts.ts';
import { ANSWER_FIELD, type FrameAnswer } from './upstream.ts';

export interface ClientRecipe {
  readonly frames: readonly Frame[];
  readonly streams: number;
  /** Where the client's bytes are cut. */
  readonly cuts: readonly number[];
}

/** What is written, in pieces. */
export function piecesOf({ frames, cuts }: ClientRecipe): readonly Buffer[] {
  const ids = (stream: number): number => (stream === 0 ? 0 : 2 * stream - 1);
  const bytes = Buffer.concat(frames.map((frame) => encodeFrame(frame, ids(frame.stream))));
  const places = [0, ...cuts.filter((at) => at < bytes.length), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

export class Dice {
  readonly #random: Random;
  constructor(random: Random) {
    this.#random = random;
  }
  below(count: number): number {
    return this.#random.below(count);
  }
  chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }
}

const END = FLAG.END_HEADERS | FLAG.END_STREAM;

export function generateClient(dice: Dice): ClientRecipe {
  const streams = dice.chance(35) ? 2 + dice.below(3) : 1;
  const hostile = dice.chance(40);
  const own = Array.from({ length: streams }, (_, i) =>
    generateStream(dice, i + 1, hostile && dice.chance(60)),
  );
  const frames = mixed(dice, own);
  if (dice.chance(20)) frames.splice(dice.below(frames.length + 1), 0, dice.pick(parts.HARMLESS));
  if (hostile && dice.chance(8)) frames.push(dice.pick(parts.BREAKING));
  const cuts = dice.chance(40) ? Array.from({ length: 1 + dice.below(4) }, () => 1 + dice.below(400)) : [];
  return { frames, streams, cuts: [...new Set(cuts)].sort((a, b) => a - b) };
}

/** Streams begin in order; what follows is mixed. */
function mixed(dice: Dice, streams: readonly (readonly Frame[])[]): Frame[] {
  const left = streams.map((frames) => [...frames]);
  const result: Frame[] = [];
  let begun = 0;
  while (left.some((frames) => frames.length > 0)) {
    const i = dice.below(Math.min(begun + 1, left.length));
    const next = left[i]?.shift();
    if (next === undefined) {
      if (i === begun) begun++;
      else {
        const other = left.findIndex((frames, j) => frames.length > 0 && j <= begun);
        if (other < 0) begun++;
        else result.push(left[other]?.shift() as Frame);
        if (other === begun) begun++;
      }
      continue;
    }
    if (i === begun) begun++;
    result.push(next);
  }
  return result;
}

function generateStream(dice: Dice, stream: number, hostile: boolean): readonly Frame[] {
  const method = hostile && dice.chance(8) ? dice.pick(parts.METHODS_ODD) : dice.pick(METHODS);
  const fields = generateHead(dice, method, stream, hostile);
  const isGrpc = dice.chance(10);
  if (isGrpc) fields.push(['content-type', 'application/grpc'], ['te', 'trailers']);
  const hasBody = method !== 'GET' || dice.chance(10);
  const body = hasBody ? dice.pick(['', 'hello', 'hello', 'x'.repeat(9000), 'y'.repeat(40_000)]) : '';
  if (hasBody && dice.chance(50)) {
    const length = hostile && dice.chance(20) ? dice.pick(['4', '6', '0', 'x', '-1']) : String(body.length);
    fields.push(['content-length', length]);
  }
  const frames = content(dice, stream, body, hostile ? 15 : 0);
  const shape = {
    ...(dice.chance(10) ? { pad: dice.below(50) } : {}),
    ...(dice.chance(10) ? { parts: 2 + dice.below(3) } : {}),
    ...(dice.chance(10) ? { priority: true } : {}),
  };
  const head = { stream, type: FRAME.HEADERS, fields, ...shape };
  if (frames.length === 0) return [{ ...head, flags: END }, ...oddities(dice, stream, hostile ? 10 : 0)];
  const all: Frame[] = [{ ...head, flags: FLAG.END_HEADERS }, ...frames];
  if (hostile) for (const odd of oddities(dice, stream, 15)) all.splice(1 + dice.below(all.length), 0, odd);
  // Without an end: the client waits, and goes.
  if (hostile && dice.chance(5)) all.pop();
  return all;
}

function oddities(dice: Dice, stream: number, percent: number): readonly Frame[] {
  return dice.chance(percent) ? [{ stream, ...dice.pick(parts.STREAM_ODDITIES) }] : [];
}

function generateHead(dice: Dice, method: string, stream: number, hostile: boolean): Field[] {
  const odd = (percent: number, from: readonly string[], sound: string): string =>
    hostile && dice.chance(percent) ? dice.pick(from) : sound;
  const pseudo: Field[] = [
    [':method', method],
    [':scheme', odd(8, parts.SCHEMES_ODD, 'http')],
    [':authority', odd(12, parts.AUTHORITIES_ODD, dice.pick(['a', 'b.c:8080', '[::1]']))],
    [':path', odd(12, parts.H2_TARGETS_ODD, dice.pick(TARGETS))],
  ];
  if (hostile && dice.chance(10)) pseudo.splice(dice.below(4), 1);
  if (hostile && dice.chance(5)) pseudo.push(dice.pick(pseudo));
  const fields: Field[] = [[ANSWER_FIELD, String(stream - 1)]];
  for (let i = 0; i < 4; i++) if (dice.chance(55)) fields.push(dice.pick(parts.H2_FIELDS));
  if (hostile)
    for (let i = 0; i < 2; i++) if (dice.chance(35)) fields.push(dice.pick(parts.H2_HOSTILE_FIELDS));
  const all = [...pseudo, ...fields];
  if (hostile && dice.chance(4)) all.push(all.shift() as Field);
  if (hostile && dice.chance(3)) for (let i = 0; i < 110; i++) all.push(['x', '1']);
  return all;
}

/** DATA and what ends a message; nothing where the head is to end it. */
function content(dice: Dice, stream: number, body: string, oddPercent: number): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(dice.chance(50) ? 16_384 : 1 + dice.below(body.length), 16_000);
    const pad = dice.chance(15) ? { pad: dice.below(100) } : {};
    frames.push({ stream, type: FRAME.DATA, payload: body.slice(at, at + size), ...pad });
    if (dice.chance(8)) frames.push({ stream, type: FRAME.DATA });
    at += size;
  }
  const kind = dice.below(10);
  if (dice.chance(oddPercent))
    frames.push({
      stream,
      type: FRAME.HEADERS,
      flags: dice.pick([END, END, 4]),
      fields: dice.pick(parts.BAD_TRAILERS),
    });
  else if (kind < 2)
    frames.push({ stream, type: FRAME.HEADERS, flags: END, fields: dice.pick(parts.GRPC_TRAILERS) });
  else if (kind < 5 || (frames.length === 0 && kind < 7))
    frames.push({ stream, type: FRAME.DATA, flags: FLAG.END_STREAM, ...(dice.chance(10) ? { pad: 3 } : {}) });
  else if (frames.length > 0) frames.push({ ...(frames.pop() as Frame), flags: FLAG.END_STREAM });
  return frames;
}

/** An answer in frames. `alone`: it may break its connection, for nobody else is on it. */
export function generateFrameAnswer(dice: Dice, alone: boolean): FrameAnswer {
  const odd = dice.chance(30);
  const frames: Frame[] = [];
  const head = (fields: readonly Field[], flags: number): Frame => ({
    stream: 1,
    type: FRAME.HEADERS,
    flags: flags | FLAG.END_HEADERS,
    fields,
    ...(dice.chance(8) ? { parts: 2 } : {}),
    ...(dice.chance(8) ? { pad: 9 } : {}),
  });
  if (dice.chance(8))
    frames.push(
      head(
        [
          [':status', dice.pick(['100', '103', '102'])],
          ['link', 'x'],
        ],
        0,
      ),
    );
  const fields: Field[] = [
    [':status', odd && dice.chance(25) ? dice.pick(parts.STATUSES_ODD) : dice.pick(parts.STATUSES)],
  ];
  if (odd && dice.chance(5)) fields.pop();
  for (let i = 0; i < 3; i++) if (dice.chance(40)) fields.push(dice.pick(parts.H2_ANSWER_FIELDS));
  if (odd && dice.chance(40)) fields.push(dice.pick(parts.H2_ODD_ANSWER_FIELDS));
  if (dice.chance(10))
    fields.push(['content-type', 'application/grpc'], ['grpc-status', dice.pick(['0', '5'])]);
  const body = dice.pick(['', 'ok', 'ok', 'y'.repeat(9000), 'z'.repeat(30_000)]);
  if (dice.chance(50))
    fields.push([
      'content-length',
      odd && dice.chance(15) ? dice.pick(['1', '3', 'x']) : String(body.length),
    ]);
  const rest = content(dice, 1, body, odd ? 15 : 0);
  frames.push(head(fields, rest.length === 0 ? FLAG.END_STREAM : 0), ...rest);
  if (odd && dice.chance(25)) {
    const reset = { stream: 1, type: FRAME.RST_STREAM, payload: parts.code(dice.pick([0, 2, 7, 8, 11, 13])) };
    frames.splice(dice.below(frames.length + 1), dice.chance(50) ? 9 : 0, reset);
  } else
    for (const one of oddities(dice, 1, odd ? 10 : 0)) frames.splice(1 + dice.below(frames.length), 0, one);
  if (dice.chance(5)) frames.splice(dice.below(frames.length + 1), 0, dice.pick(parts.HARMLESS));
  if (alone && odd && dice.chance(10)) frames.push(dice.pick(parts.BREAKING));
  const goaway = { stream: 0, type: FRAME.GOAWAY, payload: `${parts.code(0x7fffffff)}${parts.code(0)}` };
  if (alone && dice.chance(4)) frames.splice(dice.below(frames.length + 1), 0, goaway);
  return {
    frames,
    ...(alone && dice.chance(4) ? { after: dice.pick(['end', 'reset'] as const) } : {}),
    ...(dice.chance(5) ? { early: true } : {}),
  };
}
