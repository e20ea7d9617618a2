/** A generated case of HTTP/2 on one side or both: frames where a side speaks HTTP/2, lines where it speaks HTTP/1. */
import { seededRandom } from '../../../src/lib/random.ts';
import {
  type AnswerRecipe,
  generateAnswer,
  generateRequest,
  type RequestRecipe,
  caseOf as textCaseOf,
} from '../generate-http1.ts';
import type { Case } from '../harness.ts';
import { type ClientRecipe, Dice, generateClient, generateFrameAnswer } from './generate.ts';
import type { FrameAnswer } from './upstream.ts';

/** Downstream and upstream protocol of a lane. */
export const DIRECTIONS = ['2-1', '1-2', '2-2'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What the client sends, and what the upstream: each in frames or in lines. */
export interface Recipe {
  readonly client: ClientRecipe | readonly RequestRecipe[];
  readonly answers: readonly FrameAnswer[] | readonly AnswerRecipe[];
}

export function directionOf(lane: number): Direction {
  return DIRECTIONS[lane % DIRECTIONS.length] as Direction;
}

export function generate(seed: number, direction: Direction): Recipe {
  const random = seededRandom(seed);
  const dice = new Dice(random);
  const pick = <T>(from: readonly T[]): T => dice.pick(from);
  const chance = (percent: number): boolean => dice.chance(percent);
  const client =
    direction === '1-2'
      ? Array.from({ length: chance(20) ? 2 : 1 }, () => generateRequest(pick, chance, false))
      : generateClient(dice);
  const count = 'frames' in client ? client.streams : client.length;
  const answers = direction.endsWith('2')
    ? Array.from({ length: count }, () => generateFrameAnswer(dice, count === 1))
    : Array.from({ length: count }, () => generateAnswer(pick, chance));
  return { client, answers };
}

/** The parts of a recipe that are lines, as a case of HTTP/1. */
export function textOf({ client, answers }: Recipe): Case {
  return textCaseOf({
    requests: 'frames' in client ? [] : numbered(client),
    answers:
      answers.length > 0 && 'line' in (answers[0] as object) ? (answers as readonly AnswerRecipe[]) : [],
    cuts: [],
  });
}

function numbered(requests: readonly RequestRecipe[]): readonly RequestRecipe[] {
  return requests.map((one, i) => ({ ...one, fields: [...one.fields, `x-answer: ${i}\r\n`] }));
}

/** Recipes with something taken away. */
export function* smaller(recipe: Recipe): Generator<Recipe> {
  const { client, answers } = recipe;
  if ('frames' in client) {
    if (client.cuts.length > 0) yield { ...recipe, client: { ...client, cuts: [] } };
    for (const frames of fewer(client.frames)) yield { ...recipe, client: { ...client, frames } };
  } else
    for (const [i, one] of client.entries())
      for (const fields of without(one.fields))
        yield { ...recipe, client: client.map((other, j) => (i === j ? { ...other, fields } : other)) };
  for (const [i, one] of answers.entries()) {
    const replaced = (changed: object) =>
      ({
        ...recipe,
        answers: answers.map((other, j) => (i === j ? { ...other, ...changed } : other)),
      }) as Recipe;
    if ('frames' in one) for (const frames of fewer(one.frames)) yield replaced({ frames });
    else for (const fields of without(one.fields)) yield replaced({ fields });
  }
}

function* fewer(frames: ClientRecipe['frames']): Generator<ClientRecipe['frames']> {
  yield* without(frames);
  for (const [i, frame] of frames.entries())
    for (const fields of without(frame.fields ?? []))
      if (fields.length > 0) yield frames.map((other, j) => (i === j ? { ...other, fields } : other));
}

function* without<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < list.length; i++) yield [...list.slice(0, i), ...list.slice(i + 1)];
}
