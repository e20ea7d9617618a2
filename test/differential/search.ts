/** Looks for seeds whose outcome differs between the two proxies: all lanes busy, doubtful ones asked again at leisure. */
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../../src/lib/random.ts';
import { type Compared, comparable } from './compare.ts';
import { caseOf, generate, type Recipe, smaller } from './generate-http1.ts';
import { type Pair, run } from './harness.ts';
import { allowed } from './intended.ts';
import { atLeisure, brieflyUpTo, describeParts, differentParts, QUIET_MS, shrinkRecipe } from './seek.ts';

export interface Difference {
  readonly seed: number;
  readonly recipe: Recipe;
  readonly envoy: Compared;
  readonly weft: Compared;
}

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
      const outcome = await atLeisure((quietMs) => differ(pair, lane, recipe, quietMs));
      if (outcome !== undefined) found.push({ seed, recipe, ...outcome });
    }
  };
  await Promise.all(Array.from({ length: pair.lanes }, (_, lane) => walk(lane)));
  return found;
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
export function shrink(pair: Pair, difference: Difference): Promise<Difference> {
  const kind = kindOf(difference);
  return shrinkRecipe(difference, SHRINKING_STEPS, smaller, async (recipe) => {
    const outcome = await differ(pair, 0, recipe, QUIET_MS);
    return outcome !== undefined && kindOf(outcome) === kind ? outcome : undefined;
  });
}

/** Differences that are likely one: the same answers and ends. */
export function kindOf({ envoy, weft }: Pick<Difference, 'envoy' | 'weft'>): string {
  const say = ({ responses, requests, connection }: Compared): string =>
    `${responses.map(({ head }) => head.slice(0, 12)).join('+')} ${connection} upstream ${requests.length}`;
  const parts = differentParts({ envoy, weft });
  return `${say(envoy)} | ${say(weft)} | ${parts.join(' ')}`;
}

/** What a person needs to see it again. */
export function describeDifference(difference: Difference): string {
  const { pieces, answers } = caseOf(difference.recipe);
  const parts = describeParts(difference, brief);
  return `seed ${difference.seed}: ${brief(pieces)} answered by ${brief(answers)}\n${parts}`;
}

const brief = brieflyUpTo(500, 120);
