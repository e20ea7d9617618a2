/** What the searches for differences share: asking again at leisure, making recipes smaller, telling what differs. */
import { isDeepStrictEqual } from 'node:util';

export const QUIET_MS = 80;
/** One attempt after the other, each with more time for what may be slow. */
const PATIENT_MS = [400, 400, 1_000, 4_000] as const;

/** What came of one recipe on both proxies. */
export interface Outcomes<C> {
  readonly envoy: C;
  readonly weft: C;
}

/** Silence may have been slowness, and the case before may have had its last word late: only what stays is told. */
export async function atLeisure<O>(
  differ: (quietMs: number) => Promise<O | undefined>,
): Promise<O | undefined> {
  let outcome: O | undefined;
  for (const quietMs of PATIENT_MS) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    outcome = await differ(quietMs);
    if (outcome === undefined) return undefined;
  }
  return outcome;
}

/** The same kind of difference from a smaller recipe, after at most `steps` attempts. */
export async function shrinkRecipe<R, D extends { readonly recipe: R }>(
  difference: D,
  steps: number,
  smaller: (recipe: R) => Iterable<R>,
  sameKind: (recipe: R) => Promise<Partial<D> | undefined>,
): Promise<D> {
  let best = difference;
  let left = steps;
  for (let again = true; again; ) {
    again = false;
    for (const recipe of smaller(best.recipe)) {
      if (left-- === 0) return best;
      const outcome = await sameKind(recipe);
      if (outcome === undefined) continue;
      best = { ...best, recipe, ...outcome };
      again = true;
      break;
    }
  }
  return best;
}

/** Names of the parts in which the outcomes differ. */
export function differentParts<C extends object>({ envoy, weft }: Outcomes<C>): readonly (keyof C)[] {
  return (Object.keys(envoy) as (keyof C)[]).filter((key) => !isDeepStrictEqual(envoy[key], weft[key]));
}

/** The parts that differ, for people, one after the other. */
export function describeParts<C extends object>(
  outcomes: Outcomes<C>,
  brief: (value: unknown) => string,
): string {
  return differentParts(outcomes)
    .map((key) => `  ${String(key)}${onlyDifferent(outcomes.envoy[key], outcomes.weft[key], brief)}`)
    .join('\n');
}

function onlyDifferent(envoy: unknown, weft: unknown, brief: (value: unknown) => string): string {
  const both = (a: unknown, b: unknown): string => `\n    envoy ${brief(a)}\n    weft  ${brief(b)}`;
  if (!Array.isArray(envoy) || !Array.isArray(weft)) return both(envoy, weft);
  const at = envoy.findIndex((one, i) => !isDeepStrictEqual(one, weft[i]));
  const place = at < 0 ? envoy.length : at;
  return `[${place}]${both(envoy[place], weft[place])}`;
}

/** JSON in which texts of more than `most` characters are cut to `shown`. */
export function brieflyUpTo(most: number, shown: number): (value: unknown) => string {
  return (value) =>
    JSON.stringify(value, (_, text) =>
      typeof text === 'string' && text.length > most ? `${text.slice(0, shown)}… ${text.length} bytes` : text,
    ) ?? 'nothing';
}
