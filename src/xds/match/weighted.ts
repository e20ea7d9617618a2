/** Options with weights, ready to be drawn from. */
export interface WeightedChoice<T> {
  readonly options: readonly T[];
  /** Sums of the weights up to and with each option. */
  readonly sums: readonly number[];
  readonly total: number;
}

/** Options of weight 0 are never drawn. */
export function weightedChoice<T>(
  options: readonly { readonly value: T; readonly weight: number }[],
): WeightedChoice<T> {
  const drawable = options.filter(({ weight }) => weight > 0);
  let total = 0;
  const sums = drawable.map(({ weight }) => {
    total += weight;
    return total;
  });
  return { options: drawable.map(({ value }) => value), sums, total };
}

/** The option a draw (a whole number below 2^32) falls on, undefined where there is none. */
export function choose<T>(choice: WeightedChoice<T>, draw: number): T | undefined {
  const { options, sums, total } = choice;
  if (options.length === 1) return options[0];
  const point = draw % total;
  for (let i = 0; i < sums.length; i++) if (point < (sums[i] as number)) return options[i];
  return undefined;
}
