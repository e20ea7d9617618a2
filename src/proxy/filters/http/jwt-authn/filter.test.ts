import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  type Answer,
  closeAll,
  ROUTER,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';
import { JWT_MESSAGE, JWT_ROUTE_MESSAGE } from './config.ts';
import { compact, hmac, testIssuer } from './test-issuer.ts';

afterEach(closeAll);

const NAME = 'envoy.filters.http.jwt_authn';
const issuer = testIssuer('ES256');
const jwks = (...keys: object[]) => ({ inline_string: JSON.stringify({ keys }) });
const provider = (more: object = {}) => ({ issuer: 'me', local_jwks: jwks(issuer.jwk), ...more });
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A chain with this filter; the upstream answers with the headers and the path it got. */
async function proxyWith(
  config: object,
  options: { readonly route?: object; readonly keysPort?: number; readonly rbac?: object } = {},
) {
  const { port } = await startUpstream((request, response) =>
    response.end(JSON.stringify({ ...request.headers, path: request.url })),
  );
  const keys = options.keysPort === undefined ? [] : [staticCluster('keys', [options.keysPort])];
  return startTestProxy({
    clusters: [staticCluster('c', [port]), ...keys],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' }, ...options.route }),
    manager: {
      http_filters: [
        { name: NAME, typed_config: any(JWT_MESSAGE, config) },
        ...(options.rbac === undefined
          ? []
          : [
              {
                name: 'rbac',
                typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', { rules: options.rbac }),
              },
            ]),
        ROUTER,
      ],
      access_log: [
        {
          typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
            log_format: { text_format_source: { inline_string: '%RESPONSE_CODE_DETAILS%' } },
          }),
        },
      ],
    },
  });
}

/** One provider that every request needs. */
const required = (more: object = {}) => ({
  providers: { p: provider(more) },
  rules: [{ match: { prefix: '/' }, requires: { provider_name: 'p' } }],
});

const withToken = (port: number, token: string, path = '/'): Promise<Answer> =>
  send(port, { path, headers: { authorization: `Bearer ${token}` } });

describe('tokens', () => {
  it.each([
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'HS256',
    'HS512',
  ])('signed with %s are believed, and with another key are not', async (alg) => {
    const one = testIssuer(alg);
    const other = alg.startsWith('HS')
      ? { token: () => compact({ alg, kid: 'one' }, {}, hmac(alg, 'another')) }
      : testIssuer(alg);
    const proxy = await proxyWith(required({ local_jwks: jwks(one.jwk) }));
    expect((await withToken(proxy.port, one.token())).status).toBe(200);
    expect(await withToken(proxy.port, other.token())).toMatchObject({
      status: 401,
      body: 'Jwt verification fails',
    });
  });

  it('are asked for, in the words that RFC 6750 has for it', async () => {
    const proxy = await proxyWith(required());
    expect(await send(proxy.port, { path: '/a?b', headers: { host: 'shop' } })).toMatchObject({
      status: 401,
      body: 'Jwt is missing',
      headers: { 'www-authenticate': 'Bearer realm="http://shop/a?b"' },
    });
    expect((await withToken(proxy.port, 'a.b')).headers['www-authenticate']).toMatch(
      /^Bearer realm="http:.*\/", error="invalid_token"$/,
    );
    expect(proxy.log[0]).toBe('jwt_authn_access_denied{Jwt_is_missing}');
  });

  it.each<[string, () => object, object, number, string]>([
    ['expired', () => ({ exp: nowSeconds() - 61 }), {}, 401, 'Jwt is expired'],
    ['expired within the clock skew', () => ({ exp: nowSeconds() - 50 }), {}, 200, ''],
    [
      'expired, with a smaller skew',
      () => ({ exp: nowSeconds() - 50 }),
      { clock_skew_seconds: 10 },
      401,
      'Jwt is expired',
    ],
    ['not yet valid', () => ({ nbf: nowSeconds() + 65 }), {}, 401, 'Jwt not yet valid'],
    ['of another issuer', () => ({ iss: 'you' }), {}, 401, 'Jwt issuer is not configured'],
    [
      'of another audience',
      () => ({ aud: 'b' }),
      { audiences: ['a'] },
      403,
      'Audiences in Jwt are not allowed',
    ],
    ['of several audiences', () => ({ aud: ['b', 'https://a/'] }), { audiences: ['a'] }, 200, ''],
    [
      'with an audience that is no text',
      () => ({ aud: [1] }),
      {},
      401,
      'Jwt payload [aud] field is not a string or string list',
    ],
    ['that never expire', () => ({}), { require_expiration: true }, 401, 'Jwt verification fails'],
    [
      'that live too long',
      () => ({ exp: nowSeconds() + 999 }),
      { max_lifetime: '60s' },
      401,
      'Jwt verification fails',
    ],
    ['of another subject', () => ({}), { subjects: { exact: 'anna' } }, 401, 'Jwt verification fails'],
  ])('%s', async (_, claims, more, status, body) => {
    const proxy = await proxyWith(required(more));
    const answer = await withToken(proxy.port, issuer.token(claims()));
    expect(answer.status).toBe(status);
    if (body !== '') expect(answer.body).toBe(body);
  });

  it('are found in headers, parameters and cookies, and do not go on', async () => {
    const proxy = await proxyWith(
      required({
        from_headers: [{ name: 'X-Jwt', value_prefix: 'jwt=' }],
        from_params: ['token'],
        from_cookies: ['session'],
      }),
    );
    const token = issuer.token();
    const inHeader = await send(proxy.port, { headers: { 'x-jwt': `jwt=${token}` } });
    expect(inHeader.status).toBe(200);
    expect(JSON.parse(inHeader.body)['x-jwt']).toBeUndefined();
    const inParam = await send(proxy.port, { path: `/x?a=%20b&token=${token}&c` });
    expect(JSON.parse(inParam.body).path).toBe('/x?a=%20b&c');
    expect((await send(proxy.port, { headers: { cookie: `a=b; session=${token}` } })).status).toBe(200);
    expect((await withToken(proxy.port, token)).body).toBe('Jwt is missing');
  });

  it('are all checked: a good one does not cover for a bad one', async () => {
    const proxy = await proxyWith(required());
    const path = `/?access_token=${compact({ alg: 'ES256', kid: 'one' })}`;
    expect((await withToken(proxy.port, issuer.token(), path)).status).toBe(401);
  });
});

describe('what was proven', () => {
  const claims = { role: 'admin', age: 7, ok: true, nested: { group: 'g' }, list: [1] };

  it('goes to the upstream where it was asked for, and nobody else can say it', async () => {
    const proxy = await proxyWith(
      required({
        forward: true,
        forward_payload_header: 'X-Payload',
        claim_to_headers: ['role', 'age', 'ok', 'nested.group', 'list', 'none'].map((claim_name) => ({
          header_name: `x-${claim_name}`,
          claim_name,
        })),
      }),
    );
    const token = issuer.token(claims);
    const { body } = await send(proxy.port, {
      headers: {
        authorization: `Bearer ${token}`,
        'x-payload': 'forged',
        'x-none': 'forged',
        'x-role': 'forged',
      },
    });
    const got = JSON.parse(body);
    expect(got).toMatchObject({ 'x-role': 'admin', 'x-age': '7', 'x-ok': 'true', 'x-nested.group': 'g' });
    expect(got.authorization).toBe(`Bearer ${token}`);
    expect(got['x-payload']).toBe(token.split('.')[1]);
    expect([got['x-none'], got['x-list']]).toEqual([undefined, btoa('[1]')]);
  });

  it('is metadata that rules about requests can ask for', async () => {
    const value = { list_match: { one_of: { string_match: { exact: 'write' } } } };
    const metadata = { filter: NAME, path: [{ key: 'payload' }, { key: 'scope' }], value };
    const proxy = await proxyWith(
      required({
        payload_in_metadata: 'payload',
        normalize_payload_in_metadata: { space_delimited_claims: ['scope'] },
      }),
      { rbac: { policies: { p: { permissions: [{ any: true }], principals: [{ metadata }] } } } },
    );
    expect((await withToken(proxy.port, issuer.token({ scope: 'read write' }))).status).toBe(200);
    expect((await withToken(proxy.port, issuer.token({ scope: 'read' }))).status).toBe(403);
  });
});

describe('requirements', () => {
  const second = testIssuer('EdDSA', { kid: 'two' });
  const providers = {
    p: provider(),
    q: { issuer: 'you', local_jwks: jwks(second.jwk), from_headers: [{ name: 'x-q' }], audiences: ['a'] },
  };
  const bad = compact({ alg: 'ES256', kid: 'one' });
  const forQ = second.token({ iss: 'you', aud: 'a' }, { kid: 'two' });
  const any_ = (...requirements: object[]) => ({ requires_any: { requirements } });
  const all = (...requirements: object[]) => ({ requires_all: { requirements } });
  const P = { provider_name: 'p' };
  const Q = { provider_name: 'q' };
  const missing = { allow_missing: {} };
  const failed = { allow_missing_or_failed: {} };

  it.each<[string, object, { readonly p?: string; readonly q?: string }, number]>([
    ['one of two, the first', any_(P, Q), { p: issuer.token() }, 200],
    ['one of two, the second', any_(P, Q), { q: forQ }, 200],
    ['one of two, neither', any_(P, Q), {}, 401],
    ['both, one is there', all(P, Q), { p: issuer.token() }, 401],
    ['both, both are there', all(P, Q), { p: issuer.token(), q: forQ }, 200],
    ['none needed, none there', any_(P, missing), {}, 200],
    ['none needed, a bad one', any_(P, missing), { p: bad }, 401],
    ['bad ones allowed', any_(P, failed), { p: bad }, 200],
    ['bad ones allowed alone', failed, { p: bad, q: bad }, 200],
    ['missing allowed alone, a good one', missing, { q: forQ }, 200],
    ['missing allowed alone, a bad one', missing, { q: bad }, 401],
    [
      'audiences of its own',
      { provider_and_audiences: { provider_name: 'q', audiences: ['b'] } },
      { q: forQ },
      403,
    ],
  ])('%s', async (_, requires, tokens, status) => {
    const proxy = await proxyWith({ providers, rules: [{ match: { prefix: '/' }, requires }] });
    const headers = {
      ...(tokens.p === undefined ? {} : { authorization: `Bearer ${tokens.p}` }),
      ...(tokens.q === undefined ? {} : { 'x-q': tokens.q }),
    };
    expect((await send(proxy.port, { headers })).status).toBe(status);
  });

  it('are those of the first rule that matches; without one nothing is needed', async () => {
    const proxy = await proxyWith({
      providers,
      bypass_cors_preflight: true,
      rules: [{ match: { prefix: '/open' } }, { match: { path: '/closed' }, requires: P }],
    });
    const status = async (path: string) => (await send(proxy.port, { path })).status;
    expect([await status('/open'), await status('/closed?x'), await status('/else')]).toEqual([
      200, 401, 200,
    ]);
    const preflight = { origin: 'http://a', 'access-control-request-method': 'GET' };
    expect((await send(proxy.port, { path: '/closed', method: 'OPTIONS', headers: preflight })).status).toBe(
      200,
    );
  });

  it.each([
    [{ disabled: true }, 200, ''],
    [{ requirement_name: 'r' }, 401, ''],
    [{ requirement_name: 'x' }, 403, ''],
  ])('of a route: %j', async (route, status, body) => {
    const proxy = await proxyWith(
      { providers, rules: [], requirement_map: { r: P }, strip_failure_response: true },
      { route: { typed_per_filter_config: { [NAME]: any(JWT_ROUTE_MESSAGE, route) } } },
    );
    const answer = await send(proxy.port);
    expect(answer.status).toBe(status);
    if (status !== 200) expect(answer.body).toBe(body);
  });

  it('and providers that make no sense are refused by name', async () => {
    await expect(
      proxyWith({
        providers: { p: { local_jwks: { inline_string: 'x' }, frob: true } },
        rules: [{ match: { prefix: '/' }, requires: { provider_name: 'q' } }],
      }),
    ).rejects.toThrow(
      /local_jwks: is no JSON Web Key Set[\s\S]*frob: is not supported[\s\S]*there is no provider 'q'/,
    );
  });
});

describe('attacks', () => {
  const rsa = testIssuer('RS256');
  const pem = JSON.stringify(rsa.jwk);
  const unpinned = testIssuer('RS256', { alg: undefined });
  const claims = { sub: 'admin' };
  it.each<[string, string, string]>([
    ['no algorithm', compact({ alg: 'none' }, claims), 'Jwt header [alg] is not supported'],
    ['no algorithm, in other letters', compact({ alg: 'nOnE' }, claims), 'Jwt header [alg] is not supported'],
    ['no algorithm at all', compact({}, claims), 'Jwt header [alg] field is required and must be a string'],
    [
      'an algorithm that is no text',
      compact({ alg: ['RS256'] }, claims),
      'Jwt header [alg] field is required and must be a string',
    ],
    [
      'HS256 with the public key',
      compact({ alg: 'HS256', kid: 'one' }, claims, hmac('HS256', pem)),
      "Jwks doesn't have key to match kid or alg from Jwt",
    ],
    [
      'HS256 with the modulus',
      compact({ alg: 'HS256' }, claims, hmac('HS256', Buffer.from(String(rsa.jwk['n']), 'base64url'))),
      "Jwks doesn't have key to match kid or alg from Jwt",
    ],
    [
      'a key identifier that is a path',
      rsa.token(claims, { kid: '../../dev/null' }),
      "Jwks doesn't have key to match kid or alg from Jwt",
    ],
    [
      'a key identifier that is an object',
      rsa.token(claims, { kid: { a: 1 } }),
      'Jwt header [kid] field is not a string',
    ],
    [
      'a key of its own',
      testIssuer('RS256').token(claims, { jwk: rsa.jwk, jku: 'http://169.254.169.254/' }),
      'Jwt verification fails',
    ],
    [
      'another algorithm of the same key',
      rsa.token(claims, { alg: 'PS256' }),
      "Jwks doesn't have key to match kid or alg from Jwt",
    ],
    ['demands of its own', rsa.token(claims, { crit: ['b64'], b64: false }), 'Jwt verification fails'],
    ['an empty signature', compact({ alg: 'RS256' }, claims), 'Jwt verification fails'],
    [
      'four parts',
      `${rsa.token()}.x`,
      'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
    ],
    [
      'a header that is a list',
      `${Buffer.from('[]').toString('base64url')}.e30.x1`,
      'Jwt header is an invalid JSON',
    ],
    [
      'an alphabet that is another',
      rsa.token().replace(/\.([^.]*)$/, '.+/$1'),
      'Jwt signature is an invalid Base64url encoded',
    ],
    [
      'great length',
      rsa.token({ a: 'x'.repeat(30_000) }),
      'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
    ],
  ])('%s', async (_, token, body) => {
    const proxy = await proxyWith(required({ local_jwks: jwks(rsa.jwk) }));
    expect(await withToken(proxy.port, token)).toMatchObject({ status: 401, body });
    expect((await withToken(proxy.port, rsa.token())).status).toBe(200);
  });

  it('a key without alg takes the algorithms of its kind only', async () => {
    const proxy = await proxyWith(required({ local_jwks: jwks(unpinned.jwk) }));
    expect((await withToken(proxy.port, unpinned.token())).status).toBe(200);
    const forged = compact({ alg: 'HS256' }, {}, hmac('HS256', JSON.stringify(unpinned.jwk)));
    expect((await withToken(proxy.port, forged)).status).toBe(401);
  });

  it('more tokens than anybody sends', async () => {
    const names = Array.from({ length: 17 }, (_, i) => `x-t${i}`);
    const proxy = await proxyWith(required({ from_headers: names.map((name) => ({ name })) }));
    const answer = await send(proxy.port, {
      headers: Object.fromEntries(names.map((name) => [name, issuer.token()])),
    });
    expect(answer).toMatchObject({ status: 401, body: 'Found multiple Jwt tokens' });
  });
});

describe('keys that are fetched', () => {
  const remote = (more: object = {}) =>
    required({
      local_jwks: undefined,
      remote_jwks: { http_uri: { uri: 'http://issuer/keys?a', cluster: 'keys', timeout: '1s' }, ...more },
    });

  it('are fetched once for all who wait, and the last good copy outlives its issuer', async () => {
    const asked: string[] = [];
    let answer = JSON.stringify({ keys: [issuer.jwk] });
    const keys = await startUpstream((request, response) => {
      asked.push(`${request.headers.host} ${request.url}`);
      if (answer === '') response.writeHead(500);
      response.end(answer);
    });
    const config = remote({ cache_duration: '0s', async_fetch: { failed_refetch_duration: '0s' } });
    const proxy = await proxyWith(config, { keysPort: keys.port });
    const statuses = await Promise.all(
      [1, 2, 3].map(async () => (await withToken(proxy.port, issuer.token())).status),
    );
    expect(statuses).toEqual([200, 200, 200]);
    expect(asked[0]).toBe('issuer /keys?a');
    answer = '';
    const before = asked.length;
    expect((await withToken(proxy.port, issuer.token())).status).toBe(200);
    expect(asked.length).toBeGreaterThan(before);
    answer = JSON.stringify({ keys: [] });
    expect((await withToken(proxy.port, issuer.token())).status).toBe(200);
    const next = testIssuer('ES256', { kid: 'next' });
    answer = JSON.stringify({ keys: [next.jwk] });
    expect((await withToken(proxy.port, next.token({}, { kid: 'next' }))).status).toBe(200);
    expect((await withToken(proxy.port, issuer.token())).status).toBe(401);
  });

  it('are asked for once while they hold', async () => {
    let asked = 0;
    const keys = await startUpstream((_, response) => {
      asked++;
      response.end(JSON.stringify({ keys: [issuer.jwk] }));
    });
    const proxy = await proxyWith(remote(), { keysPort: keys.port });
    for (let i = 0; i < 3; i++) expect((await withToken(proxy.port, issuer.token())).status).toBe(200);
    expect(asked).toBe(1);
  });

  it('that were never there are said to be missing', async () => {
    const proxy = await proxyWith(remote());
    expect(await withToken(proxy.port, issuer.token())).toMatchObject({
      status: 401,
      body: 'Jwks remote fetch is failed',
    });
  });

  it('are not read beyond their limit', async () => {
    const keys = await startUpstream((_, response) => response.end('x'.repeat(1_100_000)));
    const proxy = await proxyWith(remote(), { keysPort: keys.port });
    expect((await withToken(proxy.port, issuer.token())).body).toBe('Jwks remote fetch is failed');
  });
});
