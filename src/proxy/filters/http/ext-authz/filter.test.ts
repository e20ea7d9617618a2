import { afterEach, describe, expect, it } from 'vitest';
import { any } from '../../../../xds/resources.ts';
import {
  closeAll,
  ROUTER,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';
import { EXT_AUTHZ_MESSAGE, EXT_AUTHZ_ROUTE_MESSAGE } from './config.ts';

afterEach(closeAll);

const NAME = 'envoy.filters.http.ext_authz';
const RBAC = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const names = (...exact: string[]) => ({ patterns: exact.map((name) => ({ exact: name })) });

type Handler = Parameters<typeof startUpstream>[0];

/** A proxy that asks `service`; undefined: nobody is there. The upstream answers with the headers it got. */
async function proxyWith(
  service: Handler | undefined,
  config: object = {},
  http: object = {},
  options: { readonly route?: object; readonly before?: object } = {},
) {
  const { port } = await startUpstream((request, response) => response.end(JSON.stringify(request.headers)));
  const authz = service === undefined ? 1 : (await startUpstream(service)).port;
  const http_service = { server_uri: { uri: 'http://authz', cluster: 'authz', timeout: '1s' }, ...http };
  const before =
    options.before === undefined ? [] : [{ name: 'rbac', typed_config: any(RBAC, options.before) }];
  return startTestProxy({
    clusters: [staticCluster('c', [port]), staticCluster('authz', [authz])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' }, ...options.route }),
    manager: {
      http_filters: [
        ...before,
        { name: NAME, typed_config: any(EXT_AUTHZ_MESSAGE, { http_service, ...config }) },
        ROUTER,
      ],
      access_log: [
        {
          typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
            log_format: {
              text_format_source: {
                inline_string:
                  '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%',
              },
            },
          }),
        },
      ],
    },
  });
}

describe('the question', () => {
  it('has the method, path and host of the request, and of its headers what may be told', async () => {
    let asked: unknown;
    const proxy = await proxyWith(
      (request, response) => {
        const { method, url, headers, body } = request;
        asked = { method, url, headers, body };
        response.end();
      },
      {},
      {
        path_prefix: '/check',
        authorization_request: {
          allowed_headers: names('x-told'),
          headers_to_add: [{ key: 'X-From', value: 'weft' }],
        },
      },
    );
    const answer = await send(proxy.port, {
      method: 'POST',
      path: '/a?b',
      headers: { host: 'shop', authorization: 'me', 'X-Told': '1', 'x-secret': '2', cookie: 'c' },
      body: 'body',
    });
    expect(answer.status).toBe(200);
    expect(asked).toEqual({
      method: 'POST',
      url: '/check/a?b',
      headers: {
        host: 'shop',
        authorization: 'me',
        'x-told': '1',
        'x-from': 'weft',
        'content-length': '0',
        'x-envoy-internal': 'true',
        'x-envoy-expected-rq-timeout-ms': '1000',
      },
      body: '',
    });
  });

  it('holds the body until it is answered', async () => {
    const proxy = await proxyWith((_, response) => void setTimeout(() => response.end(), 30));
    const body = 'x'.repeat(300_000);
    const answer = await send(proxy.port, { method: 'POST', body });
    expect(JSON.parse(answer.body)['content-length']).toBe('300000');
  });
});

describe('the answer', () => {
  it('yes lets go on, with headers for upstream, client and metadata', async () => {
    const proxy = await proxyWith(
      (_, response) =>
        response
          .setHeader('x-user', 'jason')
          .setHeader('x-list', 'b')
          .setHeader('x-other', 'o')
          .setHeader('set-cookie', 'a=b')
          .setHeader('x-envoy-auth-headers-to-remove', 'x-gone, host, :path')
          .end(),
      {},
      {
        authorization_response: {
          allowed_upstream_headers: names('x-user'),
          allowed_upstream_headers_to_append: names('x-list', 'x-other'),
          allowed_client_headers_on_success: names('set-cookie'),
          dynamic_metadata_from_headers: names('x-user'),
        },
      },
    );
    const answer = await send(proxy.port, { headers: { 'x-user': 'forged', 'x-list': 'a', 'x-gone': '1' } });
    const got = JSON.parse(answer.body);
    expect(got).toMatchObject({ 'x-user': 'jason', 'x-list': 'a, b' });
    expect([got['x-gone'], got['x-other'], typeof got.host]).toEqual([undefined, 'o', 'string']);
    expect(answer.headers['set-cookie']).toEqual(['a=b']);
    expect(proxy.log).toEqual(['- via_upstream {"x-user":"jason"}']);
  });

  it('no is the answer of the client, with the headers it may see', async () => {
    const deny: Handler = (_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic', 'x-why': 'no', 'x-inner': '1' }).end('go away');
    const proxy = await proxyWith(
      deny,
      {},
      { authorization_response: { allowed_client_headers: names('x-why') } },
    );
    const answer = await send(proxy.port);
    expect(answer).toMatchObject({
      status: 401,
      body: 'go away',
      headers: { 'www-authenticate': 'Basic', 'x-why': 'no' },
    });
    expect(answer.headers['x-inner']).toBeUndefined();
    expect(proxy.log).toEqual(['UAEX ext_authz_denied -']);
    const open = await proxyWith(deny);
    expect((await send(open.port)).headers['x-inner']).toBe('1');
  });

  it.each<[string, Handler | undefined]>([
    ['nobody is there', undefined],
    ['the service fails', (_, response) => response.writeHead(500).end('secret')],
    ['the service does not answer', () => {}],
  ])('is missing because %s', async (_, service) => {
    const http = { server_uri: { uri: 'http://authz', cluster: 'authz', timeout: '0.05s' } };
    const closed = await proxyWith(service, { status_on_error: { code: 'ServiceUnavailable' } }, http);
    expect(await send(closed.port)).toMatchObject({ status: 503, body: '' });
    expect(closed.log).toEqual(['UAEX ext_authz_error -']);
    const open = await proxyWith(
      service,
      { failure_mode_allow: true, failure_mode_allow_header_add: true },
      http,
    );
    const answer = await send(open.port);
    expect(JSON.parse(answer.body)['x-envoy-auth-failure-mode-allowed']).toBe('true');
  });
});

describe('nobody is asked', () => {
  const deny: Handler = (_, response) => response.writeHead(403).end();

  it('where a route says so', async () => {
    const route = { typed_per_filter_config: { [NAME]: any(EXT_AUTHZ_ROUTE_MESSAGE, { disabled: true }) } };
    expect((await send((await proxyWith(deny, {}, {}, { route })).port)).status).toBe(200);
  });

  it('where the filter is not enabled, unless that denies', async () => {
    const filter_enabled = { default_value: { numerator: 0 } };
    expect((await send((await proxyWith(deny, { filter_enabled })).port)).status).toBe(200);
    const proxy = await proxyWith(deny, { filter_enabled, deny_at_disable: { default_value: true } });
    expect((await send(proxy.port)).status).toBe(403);
  });

  it('where no policy of the rules before it wants it (CUSTOM of Istio)', async () => {
    const policies = {
      'istio-ext-authz-ns-p': {
        permissions: [{ url_path: { path: { prefix: '/asked' } } }],
        principals: [{ any: true }],
      },
    };
    const proxy = await proxyWith(
      deny,
      {
        filter_enabled_metadata: {
          filter: 'envoy.filters.http.rbac',
          path: [{ key: 'istio_ext_authz_shadow_effective_policy_id' }],
          value: { string_match: { prefix: 'istio-ext-authz' } },
        },
      },
      {},
      {
        before: { shadow_rules: { action: 'DENY', policies }, shadow_rules_stat_prefix: 'istio_ext_authz_' },
      },
    );
    expect((await send(proxy.port, { path: '/asked' })).status).toBe(403);
    expect((await send(proxy.port, { path: '/free' })).status).toBe(200);
  });

  it('in ways that are not supported: they are refused by name', async () => {
    await expect(proxyWith(deny, { validate_mutations: true })).rejects.toThrow(
      /validate_mutations: is not supported/,
    );
    await expect(proxyWith(deny, { http_service: undefined })).rejects.toThrow(
      /has neither http_service nor grpc_service/,
    );
  });
});
