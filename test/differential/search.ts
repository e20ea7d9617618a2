/** Looks for seeds whose outcome differs between the two proxies: all lanes busy, doubtful ones asked again at leisure. */
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../../src/lib/random.ts';
import { type Compared, comparable } from './compare.ts';
import { caseOf, generate, type Recipe, smaller } from './generate-http1.ts';
import { type Pair, run } from './harness.ts';
import { allowed } from './intended.ts';

export interface Difference {
  readonly seed: number;
  readonly recipe: Recipe;
  readonly envoy: Compared;
  readonly weft: Compared;
}

const QUIET_MS = 80;
const PATIENT_MS = 400;
const PATIENT_ATTEMPTS = 2;
/** Attempts at making one recipe smaller. */
const SHRINKING_STEPS = 40;

/** Runs `count` seeds from `first` on; the ones that differ for good, as they were generated. */
export async function search(pair: Pair, first: number, count: number): Promise<readonly Difference[]> {
  const found: Difference[] = [];
  let next = first;
  const walk = async (lane: number): Promise<void> => {
    while (next < first + count) {
      const seed = next++;
      const recipe = generate(seededRandom(seed));
      if ((await differ(pair, lane, recipe, QUIET_MS)) === undefined) continue;
      const outcome = await differAtLeisure(pair, lane, recipe);
      if (outcome !== undefined) found.push({ seed, recipe, ...outcome });
    }
  };
  await Promise.all(Array.from({ length: pair.lanes }, (_, lane) => walk(lane)));
  return found;
}

/** Silence may have been slowness, and the case before may have had its last word late: only what stays is told. */
async function differAtLeisure(pair: Pair, lane: number, recipe: Recipe) {
  for (let i = 0; ; i++) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const outcome = await differ(pair, lane, recipe, PATIENT_MS);
    if (outcome === undefined || i === PATIENT_ATTEMPTS) return outcome;
  }
}

/** The outcomes of both, where they differ in what is not meant to. */
async function differ(pair: Pair, lane: number, recipe: Recipe, quietMs: number) {
  const one = caseOf(recipe);
  const outcomes = await Promise.all([
    run(pair.envoy, lane, one, quietMs),
    run(pair.weft, lane, one, quietMs),
  ]);
  const [envoy, weft] = allowed(one, comparable(outcomes[0]), comparable(outcomes[1]));
  return isDeepStrictEqual(envoy, weft) ? undefined : { envoy, weft };
}

/** The same kind of difference from a smaller recipe. */
export async function shrink(pair: Pair, difference: Difference): Promise<Difference> {
  let best = difference;
  const kind = kindOf(difference);
  let steps = 0;
  for (let again = true; again; ) {
    again = false;
    for (const recipe of smaller(best.recipe)) {
      if (++steps > SHRINKING_STEPS) return best;
      const outcome = await differ(pair, 0, recipe, QUIET_MS);
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
    `${responses.map(({ head }) => head.slice(0, 12)).join('+')} ${connection} upstream ${requests.length}`;
  const parts = (Object.keys(envoy) as (keyof Compared)[]).filter(
    (key) => !isDeepStrictEqual(envoy[key], weft[key]),
  );
  return `${say(envoy)} | ${say(weft)} | ${parts.join(' ')}`;
}

/** What a person needs to see it again. */
export function describeDifference({ seed, recipe, envoy, weft }: Difference): string {
  const parts = (Object.keys(envoy) as (keyof Compared)[])
    .filter((key) => !isDeepStrictEqual(envoy[key], weft[key]))
    .map((key) => `  ${key}${onlyDifferent(envoy[key], weft[key])}`);
  const { pieces, answers } = caseOf(recipe);
  return `seed ${seed}: ${brief(pieces)} answered by ${brief(answers)}\n${parts.join('\n')}`;
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
      typeof text === 'string' && text.length > 500 ? `${text.slice(0, 120)}… ${text.length} bytes` : text,
    ) ?? 'nothing'
  );
}
