// What is left to chance, gone through in every way it can fall: the code that runs asks for a choice where a proxy
// would draw a number, and is run again until every choice was made each way. Its results come with their exact
// probabilities.

/** Decides where a proxy would draw. */
export interface Chance {
  /** One of several by weight: its place in the list. A weight of 0 is never picked; one must be above 0. */
  pick(weights: readonly number[]): number;
}

/** One way it can go. */
export interface Way<T> {
  readonly probability: number;
  readonly value: T;
}

/** Most ways that are gone through; what is left over is missing from the sum of the probabilities. */
export const MAX_WAYS = 1024;

interface Decision {
  readonly options: readonly number[];
  readonly total: number;
  readonly weights: readonly number[];
  at: number;
}

/** Runs the code once for every way its choices can fall. It must depend on nothing but its choices. */
export function everyWay<T>(run: (chance: Chance) => T, limit = MAX_WAYS): readonly Way<T>[] {
  const decisions: Decision[] = [];
  const ways: Way<T>[] = [];
  do {
    let next = 0;
    const pick = (weights: readonly number[]): number => {
      const decision = (decisions[next] ??= decisionOf(weights));
      next++;
      return decision.options[decision.at] as number;
    };
    const value = run({ pick });
    ways.push({ probability: decisions.reduce((product, one) => product * shareOf(one), 1), value });
  } while (ways.length < limit && turn(decisions));
  return ways;
}

function decisionOf(weights: readonly number[]): Decision {
  const options = weights.flatMap((weight, i) => (weight > 0 ? [i] : []));
  if (options.length === 0) throw new Error('nothing to pick from');
  return { options, weights, total: weights.reduce((sum, weight) => sum + weight, 0), at: 0 };
}

function shareOf({ options, weights, total, at }: Decision): number {
  return (weights[options[at] as number] as number) / total;
}

/** On to the next way: the last decision that can still fall otherwise does; false where there is none. */
function turn(decisions: Decision[]): boolean {
  for (let last = decisions.pop(); last !== undefined; last = decisions.pop())
    if (last.at + 1 < last.options.length) {
      decisions.push({ ...last, at: last.at + 1 });
      return true;
    }
  return false;
}
