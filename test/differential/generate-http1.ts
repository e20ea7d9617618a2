/**
 * Requests and answers of HTTP/1 by seed: sound ones, odd ones and hostile ones. A recipe is made of lines, so that one
 * that shows a difference can be made smaller line by line.
 */
import type { Random } from '../../src/lib/random.ts';
import {
  ANSWER_FIELDS,
  BAD_CHUNKED,
  CHUNKED,
  ODD_ANSWER_FIELDS,
  ODD_STATUS_LINES,
  STATUS_LINES,
} from './answer-parts.ts';
import type { Case } from './harness.ts';
import type { ScriptedAnswer } from './recording-upstream.ts';
import {
  FIELDS,
  HOSTILE_FIELDS,
  METHODS,
  ODD_METHODS,
  ODD_TARGETS,
  ODD_VERSIONS,
  TARGETS,
} from './request-parts.ts';

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

export type Pick = <T>(from: readonly T[]) => T;
export type Chance = (percent: number) => boolean;

export function generateRequest(pick: Pick, chance: Chance, hostile: boolean): RequestRecipe {
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

export function generateAnswer(pick: Pick, chance: Chance): AnswerRecipe {
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
