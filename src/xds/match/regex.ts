import { RE2JS } from 're2js';
import type { type_matcher_v3_RegexMatchAndSubstitute, type_matcher_v3_RegexMatcher } from '../gen/types.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';

// Regular expressions of configuration: RE2's language, time linear in the input, whoever wrote them.

/** Longest pattern that is compiled: its program grows with it. */
const MAX_PATTERN_LENGTH = 16_384;

/** Whether the whole value matches. */
export function compileRegex(
  matcher: type_matcher_v3_RegexMatcher,
  refuse: Refuse,
  field: string,
): (value: string) => boolean {
  const regex = parse(matcher, refuse, field);
  return (value) => regex.testExact(value);
}

/** Replaces every match; `\1` in the substitution is the first group, `\0` the match. */
export function compileSubstitution(
  message: type_matcher_v3_RegexMatchAndSubstitute,
  refuse: Refuse,
  field: string,
): (value: string) => string {
  const { pattern, substitution = '', ...rest } = message;
  refuseRest(refuse, field, rest);
  const regex = parse(pattern ?? {}, refuse, fieldIn(field, 'pattern'));
  const pieces = substitution.split(/\\([\\\d])/);
  const highest = Math.max(
    0,
    ...pieces.map((piece, i) => (i % 2 === 1 && piece !== '\\' ? Number(piece) : 0)),
  );
  if (highest > regex.groupCount())
    refuse(fieldIn(field, 'substitution'), `names group ${highest}, the pattern has ${regex.groupCount()}`);
  return (value) => replaceAll(value, regex, pieces);
}

/** The groups of the first match, anywhere in the value; undefined where there is none. */
export function compileFind(
  matcher: type_matcher_v3_RegexMatcher,
  refuse: Refuse,
  field: string,
): (value: string) => readonly (string | undefined)[] | undefined {
  const regex = parse(matcher, refuse, field);
  const groups = Array.from({ length: regex.groupCount() }, (_, i) => i + 1);
  return (value) => {
    const found = regex.matcher(value);
    return found.find() ? groups.map((group) => found.group(group) ?? undefined) : undefined;
  };
}

/** As RE2: an empty match right behind the match before is none. */
function replaceAll(value: string, regex: RE2JS, pieces: readonly string[]): string {
  const matcher = regex.matcher(value);
  let text = '';
  let end = -1;
  while (matcher.find()) {
    if (matcher.end() === end) continue;
    text += value.slice(Math.max(0, end), matcher.start());
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i] as string;
      text += i % 2 === 0 || piece === '\\' ? piece : (matcher.group(Number(piece)) ?? '');
    }
    end = matcher.end();
  }
  return end < 0 ? value : text + value.slice(end);
}

function parse(matcher: type_matcher_v3_RegexMatcher, refuse: Refuse, field: string): RE2JS {
  // google_re2 only ever chose this engine and its now meaningless size limit.
  const { regex = '', google_re2: _engine, ...rest } = matcher;
  refuseRest(refuse, field, rest);
  if (regex.length > MAX_PATTERN_LENGTH)
    refuse(fieldIn(field, 'regex'), `is longer than ${MAX_PATTERN_LENGTH} characters`);
  else if (regex === '') refuse(fieldIn(field, 'regex'), 'is empty');
  try {
    return RE2JS.compile(regex.slice(0, MAX_PATTERN_LENGTH));
  } catch (error) {
    refuse(fieldIn(field, 'regex'), `is no regular expression of RE2: ${(error as Error).message}`);
    return RE2JS.compile('');
  }
}
