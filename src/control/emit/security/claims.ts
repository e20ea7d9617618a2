import type { RbacPrincipal, StringMatcher } from '../../../xds/resources.ts';
import { anyOfPrincipals } from './rbac-types.ts';
import { textMatcher } from './text.ts';

// What verified tokens say, as the filter of tokens leaves it for those after it.

/** Where the payload of a verified token is found: the filter's name and the key. */
export const TOKENS = 'envoy.filters.http.jwt_authn';
export const PAYLOAD = 'payload';

/** A claim, by its path, that is the text or a list with it. */
export function claimTest(path: readonly string[], text: string): RbacPrincipal {
  return anyOfPrincipals(
    claimValues(textMatcher(text)).map((value) => ({ metadata: { ...place(path), value } })),
  );
}

/** A claim is a text, or a list that has it. */
export function claimValues(string_match: StringMatcher) {
  return [{ string_match }, { list_match: { one_of: { string_match } } }] as const;
}

function place(path: readonly string[]) {
  return { filter: TOKENS, path: [PAYLOAD, ...path].map((key) => ({ key })) };
}

/**
 * Issuer and subject as `ISSUER/SUBJECT`. Both may hold slashes themselves, so every way to divide the text counts; a
 * `*` at its end or beginning may reach over the slash between them.
 */
export function requestPrincipalTest(text: string): RbacPrincipal {
  if (text === '*') return both('*', '*');
  if (text.endsWith('*')) return anyOfPrincipals([claimText('iss', text), ...divided(text)]);
  if (text.startsWith('*')) return anyOfPrincipals([both('*', text), ...divided(text)]);
  const ways = divided(text);
  // Without a slash it is nobody's name.
  return ways.length === 0 ? { not_id: { any: true } } : anyOfPrincipals(ways);
}

/** Every way to divide a text at a slash. */
function divided(text: string): RbacPrincipal[] {
  const ways: RbacPrincipal[] = [];
  for (let at = text.indexOf('/'); at >= 0; at = text.indexOf('/', at + 1))
    ways.push(both(text.slice(0, at), text.slice(at + 1)));
  return ways;
}

function both(issuer: string, subject: string): RbacPrincipal {
  return { and_ids: { ids: [claimText('iss', issuer), claimText('sub', subject)] } };
}

/** Registered claims that are texts and no lists (RFC 7519 §4.1). */
function claimText(name: string, text: string): RbacPrincipal {
  return { metadata: { ...place([name]), value: { string_match: textMatcher(text) } } };
}
