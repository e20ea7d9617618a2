import type { HttpConnectionManager } from '../../../src/xds/resources.ts';
import { get, type RouterCase } from '../cases.ts';

// One spelling of a path: every escape, and what is odd about dots and slashes, in all modes.

const PATHS = [
  '/',
  '/a//b',
  '//a',
  '///',
  '/a/./b',
  '/a/../b',
  '/a/..',
  '/a/.',
  '/..',
  '/../a',
  '/a/b/../../..',
  '/a/b/../../../c',
  '/.a',
  '/a.',
  '/...',
  '/a/..b',
  '/a\\b',
  '/a\\..\\b',
  '/%2e%2e/a',
  '/a/%2E./b',
  '/a%2fb',
  '/a%2Fb',
  '/a%5cb',
  '/a%5C..%5cb',
  '/a/%2f../b',
  '/a%',
  '/a%2',
  '/a%zz',
  '/a%252fb',
  '/a;b=c/../d',
  '/a?b=/../c//d',
  '/a/../b?x=%2f',
  '/a//..//b',
  '/~a/%7eb',
  '/a%41%61%2d%2D%5f%7E',
  '/a|b^c`d{e}<f>"g',
  "/a'b(c)!d*e,f:g@h&i=j+k$l",
  '/[a]',
  '/a/.%2e/b',
  '/a/%2e',
  '/a/%2e/',
  '/a/..?x',
  '/a/.;/b',
  '/a/..;/b',
  '/a/.;x/b',
  '/a/..;x=1/b',
  '/a;/b',
  '/a/.;',
  // Not here: `/a/%2e;/b`. Envoy takes the escape away and leaves `/a/.;/b`, which it would resolve if it came like that.
  '/a/.,/b',
  '/a/..%3b/b',
  '//',
  '/a//',
  '/a%c3%a9',
];

const ESCAPES = Array.from({ length: 255 }, (_, i) => `/x%${(i + 1).toString(16).padStart(2, '0')}y`);

function paths(manager: Partial<HttpConnectionManager>, targets: readonly string[]): RouterCase {
  return {
    name: `paths ${JSON.stringify(manager)}`,
    manager,
    routes: [{ match: { prefix: '' }, route: { cluster: 'a' } }],
    requests: targets.map((path) => get(path)),
  };
}

export const cases: readonly RouterCase[] = [
  paths({}, PATHS),
  paths({ normalize_path: true }, [...PATHS, ...ESCAPES]),
  paths({ merge_slashes: true }, PATHS),
  paths({ normalize_path: true, merge_slashes: true }, PATHS),
  ...(['REJECT_REQUEST', 'UNESCAPE_AND_REDIRECT', 'UNESCAPE_AND_FORWARD'] as const).flatMap(
    (path_with_escaped_slashes_action) => [
      paths({ path_with_escaped_slashes_action }, PATHS),
      paths({ path_with_escaped_slashes_action, normalize_path: true, merge_slashes: true }, PATHS),
    ],
  ),
];
