import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeHeaders } from '../../control/explain/http/change-headers.ts';
import type { Leaf } from '../../control/explain/http/leaf.ts';
import { normalizePath } from '../../control/explain/http/normalize-path.ts';
import { redirectLocation, redirectStatus } from '../../control/explain/http/redirect.ts';
import type { Request } from '../../control/explain/http/request.ts';
import { rewritePath } from '../../control/explain/http/rewrite-path.ts';
import {
  applyOperations,
  joinOperations,
  readHeaderOperations,
} from '../../proxy/stream/header-operations.ts';
import { readRedirect } from '../../proxy/stream/lower-redirect.ts';
import { readPathRewrite } from '../../proxy/stream/lower-rewrite.ts';
import { normalizePath as proxyNormalizePath } from '../../proxy/stream/path-normalization.ts';
import { compileRouteMatch } from '../../xds/match/route-match.ts';
import type { Route, RouteMatch } from '../../xds/resources.ts';

// What a route does to a request is written twice, in the explanation and in the proxy: here both are asked alike.

const path = fc
  .array(fc.constantFrom('/', 'a', 'b', '.', '..', '%2f', '%41', '%zz', '\\', '?', '"', ' '), {
    maxLength: 8,
  })
  .map((parts) => `/${parts.join('')}`);
const match = fc.constantFrom<RouteMatch>(
  { prefix: '/' },
  { prefix: '/a' },
  { path: '/a' },
  { path_separated_prefix: '/a' },
  { safe_regex: { regex: '/(a+)(.*)' } },
);
const refuse = (field: string, message: string): never => {
  throw new Error(`${field} ${message}`);
};
const rule = (message: RouteMatch) => compileRouteMatch(message, refuse, '').path;
const request = (target: string, authority: string, scheme: string): Request => ({
  method: 'GET',
  path: target,
  authority,
  scheme,
  headers: [],
});

describe('an explanation does as the proxy does', () => {
  it('with paths in another spelling', () => {
    const escaped = fc.constantFrom('KEEP_UNCHANGED', 'REJECT_REQUEST', 'UNESCAPE_AND_FORWARD');
    fc.assert(
      fc.property(path, fc.boolean(), fc.boolean(), escaped, (target, normalize, mergeSlashes, action) => {
        const escapedSlashes = {
          KEEP_UNCHANGED: 'keep',
          REJECT_REQUEST: 'reject',
          UNESCAPE_AND_FORWARD: 'unescape',
        }[action] as never;
        const answer = proxyNormalizePath(target, { normalize, mergeSlashes, escapedSlashes });
        const own = normalizePath(target, {
          normalize_path: normalize,
          merge_slashes: mergeSlashes,
          path_with_escaped_slashes_action: action as 'KEEP_UNCHANGED',
        });
        expect(own).toBe(typeof answer === 'string' ? answer : undefined);
      }),
    );
  });

  it('with rewrites', () => {
    const rewrite = fc.constantFrom<object>(
      { prefix_rewrite: '/new' },
      { prefix_rewrite: '/' },
      { regex_rewrite: { pattern: { regex: '/(a+)' }, substitution: '/x\\1' } },
      {},
    );
    fc.assert(
      fc.property(path, match, rewrite, (target, message, fields) => {
        const proxy = readPathRewrite(
          { prefix_rewrite: undefined, regex_rewrite: undefined, path_rewrite_policy: undefined, ...fields },
          rule(message),
          refuse,
          '',
        );
        expect(rewritePath(fields, rule(message), target)).toBe(proxy === undefined ? target : proxy(target));
      }),
    );
  });

  it('with redirects', () => {
    const redirect = fc.record(
      {
        https_redirect: fc.constant(true),
        scheme_redirect: fc.constantFrom('http', 'https'),
        host_redirect: fc.constant('other.example.com'),
        port_redirect: fc.constantFrom(80, 8443),
        path_redirect: fc.constantFrom('/there', '/there?x=y'),
        prefix_rewrite: fc.constant('/new'),
        response_code: fc.constantFrom('FOUND', 'SEE_OTHER', 'PERMANENT_REDIRECT'),
        strip_query: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    const authority = fc.constantFrom('a', 'a:80', 'a:443', 'a:9080', '[::1]:80');
    fc.assert(
      fc.property(
        path,
        match,
        redirect,
        authority,
        fc.constantFrom('http', 'https'),
        (target, m, fields, host, scheme) => {
          const message = fields as NonNullable<Route['redirect']>;
          const proxy = readRedirect(message, rule(m), refuse, '');
          expect(redirectLocation(message, rule(m), request(target, host, scheme))).toBe(
            proxy.location({ scheme, authority: host, path: target }),
          );
          expect(redirectStatus(message)).toBe(proxy.status);
        },
      ),
    );
  });

  it('with headers', () => {
    const name = fc.constantFrom('x-a', 'X-B', 'x-c');
    const value = fc.constantFrom('1', '', '100%%');
    const addition = fc.record({
      header: fc.record({ key: name, value }),
      append_action: fc.constantFrom(
        'APPEND_IF_EXISTS_OR_ADD',
        'ADD_IF_ABSENT',
        'OVERWRITE_IF_EXISTS_OR_ADD',
      ),
      keep_empty_value: fc.boolean(),
    });
    const level = fc.record({
      request_headers_to_add: fc.array(addition, { maxLength: 3 }),
      request_headers_to_remove: fc.array(name, { maxLength: 2 }),
    });
    const sent = fc.array(fc.tuple(fc.constantFrom('x-a', 'x-b', 'x-d'), fc.constantFrom('0', '9')), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(level, { maxLength: 3 }), sent, (levels, headers) => {
        const proxy = headers.flat();
        const operations = joinOperations(
          levels.map((one) =>
            readHeaderOperations(
              one.request_headers_to_add as never,
              one.request_headers_to_remove,
              'request',
              refuse,
              '',
            ),
          ),
        );
        applyOperations(operations ?? [], proxy, {} as never);
        const leaf = { levels, generalFirst: false } as unknown as Leaf;
        const own = changeHeaders(headers, leaf, 'request', {} as never);
        expect(joined(own.flat())).toEqual(joined(proxy));
      }),
    );
  });
});

/** Names in lower case with all their values in order: the order of different names says nothing. */
function joined(flat: readonly string[]): Readonly<Record<string, string>> {
  const all: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    all[name] = Object.hasOwn(all, name) ? `${all[name]},${flat[i + 1]}` : (flat[i + 1] as string);
  }
  return all;
}
