import type { type_matcher_v3_MetadataMatcher, type_matcher_v3_ValueMatcher } from '../gen/types.ts';
import type { Json } from '../resources.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { compileStringMatcher } from './string-matcher.ts';

type ValueTest = (value: Json | undefined) => boolean;

/** type.matcher.v3.MetadataMatcher as a function of a getter of metadata by filter name. */
export function compileMetadataMatcher(
  matcher: type_matcher_v3_MetadataMatcher,
  refuse: Refuse,
  field: string,
): (metadata: (filter: string) => { readonly [key: string]: Json } | undefined) => boolean {
  const { filter = '', path = [], value, invert = false, ...rest } = matcher;
  refuseRest(refuse, field, rest);
  const keys = path.map(({ key }) => key ?? '');
  const test = compileValueMatcher(value ?? {}, refuse, fieldIn(field, 'value'));
  return (metadata) => {
    let found: Json | undefined = metadata(filter) as Json | undefined;
    for (const key of keys) found = fieldOf(found, key);
    return test(found) !== invert;
  };
}

/** type.matcher.v3.ValueMatcher as a function; an absent value is undefined. */
export function compileValueMatcher(
  matcher: type_matcher_v3_ValueMatcher,
  refuse: Refuse,
  field: string,
): ValueTest {
  const { null_match, double_match, string_match, bool_match, present_match, list_match, or_match, ...rest } =
    matcher;
  refuseRest(refuse, field, rest);
  if (null_match !== undefined) return (value) => value === null;
  if (bool_match !== undefined) return (value) => value === bool_match;
  if (present_match !== undefined) return (value) => (value !== undefined) === present_match;
  if (string_match !== undefined) {
    const test = compileStringMatcher(string_match, refuse, fieldIn(field, 'string_match'));
    return (value) => typeof value === 'string' && test(value);
  }
  if (double_match !== undefined) return numberTest(double_match);
  if (list_match?.one_of !== undefined) {
    const test = compileValueMatcher(list_match.one_of, refuse, fieldIn(field, 'list_match.one_of'));
    return (value) => Array.isArray(value) && value.some((item) => test(item as Json));
  }
  if (or_match !== undefined) {
    const tests = (or_match.value_matchers ?? []).map((one, i) =>
      compileValueMatcher(one, refuse, fieldIn(field, `or_match.value_matchers[${i}]`)),
    );
    return (value) => tests.some((test) => test(value));
  }
  refuse(field, 'says nothing of what to match');
  return () => false;
}

function numberTest({ range, exact }: NonNullable<type_matcher_v3_ValueMatcher['double_match']>): ValueTest {
  if (exact !== undefined) return (value) => value === exact;
  const { start = 0, end = 0 } = range ?? {};
  return (value) => typeof value === 'number' && value >= start && value < end;
}

function fieldOf(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return undefined;
  return (value as { readonly [key: string]: Json })[key];
}
