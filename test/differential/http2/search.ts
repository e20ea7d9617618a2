/** Looks for seeds whose outcome differs between the two proxies, on lanes of the three pairs that have HTTP/2. */
import { isDeepStrictEqual } from 'node:util';
import type { Pair, Side } from '../harness.ts';
import { exchange } from '../raw-client.ts';
import { RecordingUpstream } from '../recording-upstream.ts';
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

const QUIET_MS = 80;
const PATIENT_MS = 400;
const PATIENT_ATTEMPTS = 2;
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
      const outcome = await differAtLeisure(pair, lane, recipe);
      if (outcome !== undefined) found.push({ seed, lane, recipe, ...outcome });
    }
  };
  await Promise.all(Array.from({ length: pair.lanes }, (_, lane) => walk(lane)));
  return found;
}

async function differAtLeisure(pair: AnyPair, lane: number, recipe: Recipe) {
  for (let i = 0; ; i++) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const outcome = await differ(pair, lane, recipe, PATIENT_MS);
    if (outcome === undefined || i === PATIENT_ATTEMPTS) return outcome;
  }
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
export async function shrink(pair: AnyPair, difference: Difference): Promise<Difference> {
  let best = difference;
  const kind = kindOf(difference);
  let steps = 0;
  for (let again = true; again; ) {
    again = false;
    for (const recipe of smaller(best.recipe)) {
      if (++steps > SHRINKING_STEPS) return best;
      const outcome = await differ(pair, best.lane, recipe, QUIET_MS);
      if (outcome === undefined || kindOf(outcome) !== kind) continue;
      best = { ...best, recipe, ...outcome };
      again = true;
      break;
    }
  }
  return best;
}

/** Differences that are likely one: the same answers and ends. */
export function kindOf({ envoy, weft }: Pick<Difference, 'envoy' | 'weft'>): string {
  const say = ({ responses, requests, connection }: Compared): string =>
    `${responses.map(({ head, end }) => `${head[0] ?? '-'} ${end}`).join('+')} ${connection} upstream ${requests.map(({ end }) => end).join('+')}`;
  const parts = (Object.keys(envoy) as (keyof Compared)[]).filter(
    (key) => !isDeepStrictEqual(envoy[key], weft[key]),
  );
  return `${say(envoy)} | ${say(weft)} | ${parts.join(' ')}`;
}

/** What a person needs to see it again. */
export function describeDifference({ seed, lane, recipe, envoy, weft }: Difference): string {
  const parts = (Object.keys(envoy) as (keyof Compared)[])
    .filter((key) => !isDeepStrictEqual(envoy[key], weft[key]))
    .map((key) => `  ${key}${onlyDifferent(envoy[key], weft[key])}`);
  return `seed ${seed} ${directionOf(lane)}: ${brief(recipe.client)} answered by ${brief(recipe.answers)}\n${parts.join('\n')}`;
}

function onlyDifferent(envoy: unknown, weft: unknown): string {
  if (!Array.isArray(envoy) || !Array.isArray(weft))
    return `\n    envoy ${brief(envoy)}\n    weft  ${brief(weft)}`;
  const at = envoy.findIndex((one, i) => !isDeepStrictEqual(one, weft[i]));
  const place = at < 0 ? envoy.length : at;
  return `[${place}]\n    envoy ${brief(envoy[place])}\n    weft  ${brief(weft[place])}`;
}

function brief(value: unknown): string {
  return (
    JSON.stringify(value, (_, text) =>
      typeof text === 'string' && text.length > 300 ? `${text.slice(0, 60)}… ${text.length} bytes` : text,
    ) ?? 'nothing'
  );
}
