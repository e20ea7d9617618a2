import { describe, expect, it } from 'vitest';
import type { RouteMatch } from '../resources.ts';
import type { PeerFacts, RequestFacts } from './facts.ts';
import { pathOnly } from './facts.ts';
import { compileRouteMatch } from './route-match.ts';

const nobody: PeerFacts = {
  directRemoteAddress: '10.0.0.9',
  remoteAddress: '10.0.0.9',
  destinationAddress: '10.0.0.1',
  destinationPort: 80,
  requestedServerName: '',
  principals: [],
  presented: false,
  validated: false,
  metadata: () => undefined,
};

function request(path: string, headers: Record<string, string> = {}, method = 'GET'): RequestFacts {
  return { method, path, authority: 'a:80', scheme: 'http', header: (name) => headers[name] };
}

function matches(match: RouteMatch, facts: RequestFacts, draw = 0): boolean {
  const refused: string[] = [];
  const compiled = compileRouteMatch(match, (field, message) => refused.push(`${field} ${message}`), 'match');
  expect(refused).toEqual([]);
  return compiled.matches(facts, pathOnly(facts.path), nobody, draw);
}

describe('paths', () => {
  it.each<[RouteMatch, string, boolean]>([
    [{ prefix: '/' }, '/anything?x', true],
    [{ prefix: '/api' }, '/apiary', true],
    [{ prefix: '/api' }, '/API', false],
    [{ prefix: '/api', case_sensitive: false }, '/API/x', true],
    [{ path: '/a' }, '/a?x=/b#c', true],
    [{ path: '/a' }, '/a/', false],
    [{ path_separated_prefix: '/a' }, '/a', true],
    [{ path_separated_prefix: '/a' }, '/a/b?c', true],
    [{ path_separated_prefix: '/a' }, '/ab', false],
    [{ safe_regex: { regex: '/v[0-9]+/.*' } }, '/v12/x?y', true],
    [{ safe_regex: { regex: '/v[0-9]+' } }, '/v12/x', false],
  ])('%j takes %s: %s', (match, path, expected) => expect(matches(match, request(path))).toBe(expected));

  it('takes CONNECT by its method and by nothing else', () => {
    expect(matches({ connect_matcher: {} }, request('', {}, 'CONNECT'))).toBe(true);
    expect(matches({ connect_matcher: {} }, request('/'))).toBe(false);
    expect(matches({ prefix: '/' }, request('', {}, 'CONNECT'))).toBe(false);
  });

  it('stays linear on a regular expression made to explode', () => {
    expect(matches({ safe_regex: { regex: '/(a+)+b' } }, request(`/${'a'.repeat(20_000)}c`))).toBe(false);
  });
});

describe('everything else', () => {
  const all = (more: RouteMatch): RouteMatch => ({ prefix: '/', ...more });

  it.each<[RouteMatch, string, Record<string, string>, boolean]>([
    [{ query_parameters: [{ name: 'u', string_match: { exact: 'jason' } }] }, '/?a=b&u=jason', {}, true],
    [{ query_parameters: [{ name: 'u', string_match: { exact: 'jason' } }] }, '/?u=jasons', {}, false],
    [{ query_parameters: [{ name: 'u', present_match: true }] }, '/?u', {}, true],
    [{ query_parameters: [{ name: 'u' }] }, '/u', {}, false],
    [{ grpc: {} }, '/', { 'content-type': 'application/grpc+proto' }, true],
    [{ grpc: {} }, '/', { 'content-type': 'application/grpc-web' }, false],
    [{ headers: [{ name: 'End-User', exact_match: 'jason' }] }, '/', { 'end-user': 'jason' }, true],
    [{ headers: [{ name: ':method', string_match: { exact: 'GET' } }] }, '/', {}, true],
    [{ headers: [{ name: 'x', range_match: { start: -5, end: 0 } }] }, '/', { x: '-1' }, true],
    [{ headers: [{ name: 'x', range_match: { start: -5, end: 0 } }] }, '/', { x: '-1a' }, false],
    [{ headers: [{ name: 'x' }] }, '/', { x: '' }, true],
    [{ headers: [{ name: 'x', present_match: false }] }, '/', {}, true],
    [{ headers: [{ name: 'x', present_match: true, invert_match: true }] }, '/', { x: '1' }, false],
    [{ headers: [{ name: 'x', exact_match: '1', invert_match: true }] }, '/', { x: '2' }, true],
    // Absent is not "another value" ...
    [{ headers: [{ name: 'x', exact_match: '1', invert_match: true }] }, '/', {}, false],
    // ... unless it is told to be empty.
    [
      { headers: [{ name: 'x', exact_match: '1', invert_match: true, treat_missing_header_as_empty: true }] },
      '/',
      {},
      true,
    ],
    [
      { headers: [{ name: 'x', string_match: { prefix: 'AB', ignore_case: true } }] },
      '/',
      { x: 'abc' },
      true,
    ],
    [{ tls_context: { presented: true } }, '/', {}, false],
    [{ tls_context: { presented: false } }, '/', {}, true],
  ])('%j on %s with %j: %s', (match, path, headers, expected) =>
    expect(matches(all(match), request(path, headers))).toBe(expected),
  );

  it('takes the share of draws it was given', () => {
    const match = all({ runtime_fraction: { default_value: { numerator: 30, denominator: 'HUNDRED' } } });
    expect([0, 299_999, 300_000, 999_999].map((draw) => matches(match, request('/'), draw))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('refuses by name what it does not know, what is no regular expression, and no path at all', () => {
    const refused: string[] = [];
    const refuse = (field: string): number => refused.push(field);
    compileRouteMatch({ prefix: '/', path_match_policy: { name: 'x' } }, refuse, 'match');
    compileRouteMatch({ safe_regex: { regex: '(?<=a)b' } }, refuse, 'm');
    compileRouteMatch({}, refuse, 'none');
    expect(refused).toEqual(['match.path_match_policy.typed_config', 'm.safe_regex.regex', 'none']);
  });
});
