import type { HeaderMatcher, StringMatcher } from '../../../xds/resources.ts';

// Texts of policies: `*` at an end stands for anything, alone for "there is one".

/** A text of a policy as a matcher. */
export function textMatcher(text: string): StringMatcher {
  if (text === '*') return { safe_regex: { regex: '.+' } };
  if (text.startsWith('*')) return { suffix: text.slice(1) };
  if (text.endsWith('*')) return { prefix: text.slice(0, -1) };
  return { exact: text };
}

/** A header that has the text; the caller sees to values that stand in several lines. */
export function headerTest(name: string, text: string, ignoreCase = false): HeaderMatcher {
  if (text === '*') return { name, present_match: true };
  return { name, string_match: { ...textMatcher(text), ...(ignoreCase ? { ignore_case: true } : {}) } };
}

/** A text as part of a regular expression of RE2. */
export function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** The same with `*` for any number of characters. */
export function quotedWildcard(text: string): string {
  return text.split('*').map(quoted).join('.*');
}

/** `10.0.0.0/8` or `10.0.0.1` as a range. */
export function cidrRange(text: string): { readonly address_prefix: string; readonly prefix_len: number } {
  const [address = '', length] = text.split('/');
  return {
    address_prefix: address,
    prefix_len: length === undefined ? (address.includes(':') ? 128 : 32) : Number(length),
  };
}

/**
 * Expressions that together match every name of a header, in lower case, that begins with none of these; pseudo-headers
 * are none. Each goes along with some of them for a while and then another way: Envoy takes no long expressions.
 */
export function namesWithout(prefixes: readonly string[]): readonly string[] {
  const next = new Map<string, string>();
  for (const prefix of prefixes)
    for (const [i, letter] of [...prefix].entries()) {
      const begun = prefix.slice(0, i);
      const letters = next.get(begun) ?? '';
      if (!letters.includes(letter)) next.set(begun, letters + letter);
    }
  return [...next].map(([begun, letters]) => {
    const others = letters.replaceAll('-', '\\-');
    return begun === '' ? `[^:${others}].*` : `${begun}(?:[^${others}].*)?`;
  });
}
