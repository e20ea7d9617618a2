import { RE2JS } from 're2js';

/** Envoy compiles every regular expression of every route; longer ones have brought proxies down. */
const MAX_LENGTH = 1024;
/** Expressions that were judged are remembered, since the same few appear in every route; oldest out. */
const MAX_REMEMBERED = 4096;
const remembered = new Map<string, string | undefined>();

/** What is wrong with a regular expression in RE2's syntax (no look-around, no back-references), or undefined. */
export function regexProblem(pattern: string): string | undefined {
  if (pattern === '')
    return 'an empty regular expression matches nothing useful; use prefix or leave the field out';
  if (pattern.length > MAX_LENGTH)
    return `this regular expression has ${pattern.length} characters; at most ${MAX_LENGTH} are allowed`;
  if (remembered.has(pattern)) return remembered.get(pattern);
  const problem = syntaxProblem(pattern);
  const oldest = remembered.size >= MAX_REMEMBERED ? remembered.keys().next().value : undefined;
  if (oldest !== undefined) remembered.delete(oldest);
  remembered.set(pattern, problem);
  return problem;
}

function syntaxProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `"${pattern}" is not a regular expression in RE2 syntax (${reason}); see https://github.com/google/re2/wiki/Syntax`;
  }
}
