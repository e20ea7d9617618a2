import { regexProblem } from '../../check/regex.ts';
import type { Report } from '../../report.ts';
import { type Infer, message, text } from '../../schema.ts';
import { checkAtMostOne } from './exclusive.ts';

/** How a text must look: exactly so, beginning so, or as a whole matching an RE2 expression. Case matters. */
export const stringMatch = message({}, { exact: text, prefix: text, regex: text });
export type StringMatch = Infer<typeof stringMatch>;

/** `emptyPrefix`: whether a prefix of '' is allowed, as it is for paths; Envoy refuses it elsewhere. */
export function checkStringMatch(
  match: StringMatch | undefined,
  report: Report,
  options: { readonly emptyPrefix: boolean } = { emptyPrefix: false },
): void {
  if (match === undefined) return;
  checkAtMostOne(match, ['exact', 'prefix', 'regex'], report);
  if (match.prefix === '' && !options.emptyPrefix)
    report.error('prefix', 'an empty prefix matches everything; leave the match out instead');
  const problem = match.regex === undefined ? undefined : regexProblem(match.regex);
  if (problem !== undefined) report.error('regex', problem);
}
