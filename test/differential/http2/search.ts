/** Looks for seeds whose outcome differs between the two proxies, on lanes of the three pairs that have HTTP/2. */
import { isDeepStrictEqual } from 'node:util';
import type { Pair, Side } from '../harness.ts';
import { exchange } from '../raw-client.ts';
import { RecordingUpstream } from '../recording-upstream.ts';
import { atLeisure, brieflyUpTo, describeParts, differentParts, QUIET_MS, shrinkRecipe } from '../seek.ts';
import { exchangeFrames } from './client.ts';
import { type Compared, comparable } from './compare.ts';
import { piecesOf } from './generate.ts';
import { allowed } from './intended.ts';
import { DIRECTIONS, directionOf, generate, type Recipe, smaller, textOf } from './recipe.ts';
import { type FrameAnswer, FrameUpstream } from './upstream.ts';

export type AnyUpstream = RecordingUpstream | FrameUpstream;
export type AnyPair = Pair<AnyUpstream>;

export interface Difference {
  readonly seed: number;
  readonly lane: number;
  readonly recipe: Recipe;
  readonly envoy: Compared;
  readonly weft: Compared;
}

/** Attempts at making one recipe smaller. */
const SHRINKING_STEPS = 60;

export function listen(lane: number): Promise<AnyUpstream> {
  return directionOf(lane).endsWith('2') ? FrameUpstream.listen() : RecordingUpstream.listen();
}

/** Runs `count` seeds from `first` on; the ones that differ for good. */
export async function search(pair: AnyPair, first: number, count: number): Promise<readonly Difference[]> {
  const found: Difference[] = [];
  // A seed has its direction, whoever runs it.
  const next = DIRECTIONS.map(
    (_, i) => first + ((((i - first) % DIRECTIONS.length) + DIRECTIONS.length) % DIRECTIONS.length),
  );
  const walk = async (lane: number): Promise<void> => {
    const way = lane % DIRECTIONS.length;
    for (;;) {
      const seed = next[way] as number;
      if (seed >= first + count) return;
      next[way] = seed + DIRECTIONS.length;
      const recipe = generate(seed, directionOf(lane));
      if ((await differ(pair, lane, recipe, QUIET_MS)) === undefined) continue;
      const outcome = await atLeisure((quietMs) => differ(pair, lane, recipe, quietMs));
      if (outcome !== undefined) found.push({ seed, lane, recipe, ...outcome });
    }
  };
  await Promise.all(Array.from({ length: pair.lanes }, (_, lane) => walk(lane)));
  return found;
}

/** The outcomes of both, where they differ in what is not meant to. */
export async function differ(pair: AnyPair, lane: number, recipe: Recipe, quietMs: number) {
  const outcomes = await Promise.all([
    run(pair.envoy, lane, recipe, quietMs),
    run(pair.weft, lane, recipe, quietMs),
  ]);
  const [envoy, weft] = allowed(recipe, ...outcomes);
  return isDeepStrictEqual(envoy, weft) ? undefined : { envoy, weft };
}

export async function run(
  side: Side<AnyUpstream>,
  lane: number,
  recipe: Recipe,
  quietMs: number,
): Promise<Compared> {
  const upstream = side.upstreams[lane] as AnyUpstream;
  const text = textOf(recipe);
  if (upstream instanceof FrameUpstream) upstream.begin(recipe.answers as readonly FrameAnswer[]);
  else upstream.begin(text.answers);
  const port = side.ports.listeners[lane] as number;
  const { client: asked } = recipe;
  const client =
    'frames' in asked
      ? await exchangeFrames(port, { pieces: piecesOf(asked), streams: asked.streams }, quietMs)
      : await exchange(port, text, quietMs);
  return comparable(client, await upstream.heard(quietMs * 2));
}

/** The same kind of difference from a smaller recipe. */
export function shrink(pair: AnyPair, difference: Difference): Promise<Difference> {
  const kind = kindOf(difference);
  return shrinkRecipe(difference, SHRINKING_STEPS, smaller, async (recipe) => {
    const outcome = await differ(pair, difference.lane, recipe, QUIET_MS);
    return outcome !== undefined && kindOf(outcome) === kind ? outcome : undefined;
  });
}

/** Differences that are likely one: the same answers and ends. */
export function kindOf({ envoy, weft }: Pick<Difference, 'envoy' | 'weft'>): string {
  const say = ({ responses, requests, connection }: Compared): string =>
    `${responses.map(({ head, end }) => `${head[0] ?? '-'} ${end}`).join('+')} ${connection} upstream ${requests.map(({ end }) => end).join('+')}`;
  const parts = differentParts({ envoy, weft });
  return `${say(envoy)} | ${say(weft)} | ${parts.join(' ')}`;
}

/** What a person needs to see it again. */
export function describeDifference(difference: Difference): string {
  const { seed, lane, recipe } = difference;
  const parts = describeParts(difference, brief);
  return `seed ${seed} ${directionOf(lane)}: ${brief(recipe.client)} answered by ${brief(recipe.answers)}\n${parts}`;
}

const brief = brieflyUpTo(300, 60);
