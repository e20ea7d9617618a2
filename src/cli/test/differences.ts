import { UNOBSERVED } from './finding.ts';
import type { TestResult } from './run-tests.ts';

/** Results of one engine. */
export interface EngineResults {
  readonly engine: string;
  readonly results: readonly TestResult[];
}

/** One request that engines do not answer alike. */
export interface Difference {
  readonly file: string;
  readonly line: number;
  readonly test: string;
  readonly request: string;
  /** What each engine has against it, by engine: '' for nothing. */
  readonly engines: Readonly<Record<string, string>>;
}

/** Where engines differ: what one of them has against a request, another has not. What one cannot see is no difference. */
export function differences(all: readonly EngineResults[]): readonly Difference[] {
  const [first] = all;
  return (first?.results ?? []).flatMap((one, i): Difference[] => {
    const texts = all.map(({ engine, results }) => [engine, complaintOf(results[i])] as const);
    if (new Set(texts.map(([, text]) => text)).size < 2) return [];
    const { file, line, test, request } = one;
    return [{ file, line, test, request, engines: Object.fromEntries(texts) }];
  });
}

function complaintOf(result: TestResult | undefined): string {
  if (result === undefined) return 'it was not run';
  return result.failures
    .filter(({ actual }) => actual !== UNOBSERVED)
    .map(({ what, expected, actual }) => `${what}: expected ${expected}, got ${actual}`)
    .join('; ');
}

/** For people: each difference with what each engine says. */
export function differencesText(list: readonly Difference[], engines: number): string {
  const lines = list.flatMap(({ file, line, test, request, engines }) => [
    `${file}:${line} DIFFERS ${test}: ${request}`,
    ...Object.entries(engines).map(
      ([engine, text]) => `    ${engine}: ${text === '' ? 'as expected' : text}`,
    ),
  ]);
  const count = `${list.length === 0 ? 'no' : list.length} ${list.length === 1 ? 'difference' : 'differences'}`;
  return `${[...lines, `${engines} engines, ${count} between them`].join('\n')}\n`;
}
