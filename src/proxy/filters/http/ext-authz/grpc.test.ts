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
import { CHECK } from '../authorization-check.ts';
import { startGrpcService, type TestGrpcService } from '../test-grpc-service.ts';
import { EXT_AUTHZ_MESSAGE, EXT_AUTHZ_ROUTE_MESSAGE } from './config.ts';
import type { CheckResponse } from './grpc-question.ts';

interface Question {
  readonly attributes: {
    readonly source: {
      readonly address: unknown;
      readonly principal?: string;
      readonly certificate?: string;
    };
    readonly destination: { readonly principal?: string };
    readonly request: { readonly http: Record<string, unknown> & { headers: Record<string, string> } };
    readonly context_extensions?: object;
  };
}

const services: TestGrpcService<Question>[] = [];
afterEach(() => {
  closeAll();
  for (const service of services.splice(0)) service.close();
});

const NAME = 'envoy.filters.http.ext_authz';

async function proxyWith(
  answer: (question: Question) => CheckResponse | number | undefined,
  config: object = {},
  options: { readonly route?: object; readonly tls?: boolean } = {},
) {
  const { port } = await startUpstream((request, response) =>
    response.end(JSON.stringify({ url: request.url, body: request.body, ...request.headers })),
  );
  const service = await startGrpcService<Question>(CHECK, answer);
  services.push(service);
  const peer = {
    uri: 'spiffe://cluster.local/ns/default/sa/a',
    subject: 'O=x',
    hash: 'ab',
    pem: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
  };
  const proxy = await startTestProxy({
    clusters: [
      staticCluster('c', [port]),
      staticCluster('d', [port]),
      staticCluster('authz', [service.port], { http2_protocol_options: {} }),
    ],
    routes: routesOf(
      {
        match: { prefix: '/', headers: [{ name: 'x-way', string_match: { exact: 'd' } }] },
        route: { cluster: 'd', prefix_rewrite: '/d/' },
      },
      { match: { prefix: '/' }, route: { cluster: 'c' }, ...options.route },
    ),
    ...(options.tls && {
      downstream: {
        tls: {
          alpn: '',
          sni: 'shop.example',
          version: 'TLSv1.3',
          peer,
          localUri: 'spiffe://cluster.local/ns/default/sa/b',
        },
      },
    }),
    manager: {
      http_filters: [
        {
          name: NAME,
          typed_config: any(EXT_AUTHZ_MESSAGE, {
            grpc_service: { envoy_grpc: { cluster_name: 'authz' }, timeout: '5s' },
            transport_api_version: 'V3',
            ...config,
          }),
        },
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
  return { proxy, service };
}

const yes =
  (ok_response: CheckResponse['ok_response'] = {}) =>
  (): CheckResponse => ({
    status: { code: 0 },
    ok_response,
  });

describe('the question over gRPC', () => {
  it('says who asks whom for what', async () => {
    const { proxy, service } = await proxyWith(
      yes(),
      { include_peer_certificate: true, include_tls_session: true },
      {
        tls: true,
        route: {
          typed_per_filter_config: {
            [NAME]: any(EXT_AUTHZ_ROUTE_MESSAGE, { check_settings: { context_extensions: { a: 'b' } } }),
          },
        },
      },
    );
    await send(proxy.port, { path: '/x?y=1', headers: { host: 'shop', 'x-a': ['1', '2'] } });
    const { attributes } = service.asked[0] as Question;
    expect(attributes.source).toMatchObject({
      principal: 'spiffe://cluster.local/ns/default/sa/a',
      address: { socket_address: { address: '127.0.0.1' } },
    });
    expect(attributes.source.certificate).toContain('-----BEGIN%20CERTIFICATE-----');
    expect(attributes.destination.principal).toBe('spiffe://cluster.local/ns/default/sa/b');
    expect(attributes.context_extensions).toEqual({ a: 'b' });
    expect(attributes).toMatchObject({ tls_session: { sni: 'shop.example' } });
    const { http } = attributes.request;
    expect(http).toMatchObject({ method: 'GET', path: '/x?y=1', host: 'shop', protocol: 'HTTP/1.1' });
    expect(http.headers).toMatchObject({ ':path': '/x?y=1', ':authority': 'shop', 'x-a': '1,2' });
    expect(http.headers).not.toHaveProperty('host');
  });

  it('has the body, or its beginning, where that is wanted', async () => {
    const { proxy, service } = await proxyWith(yes(), { with_request_body: { max_request_bytes: 5 } });
    const whole = await send(proxy.port, { method: 'POST', body: 'hello' });
    expect(JSON.parse(whole.body).body).toBe('hello');
    expect(service.asked[0]?.attributes.request.http).toMatchObject({
      body: 'hello',
      headers: { 'x-envoy-auth-partial-body': 'false' },
    });
    expect((await send(proxy.port, { method: 'POST', body: 'hello!' })).status).toBe(413);
    expect((await send(proxy.port)).status).toBe(200);
    const partial = await proxyWith(yes(), {
      with_request_body: { max_request_bytes: 5, allow_partial_message: true, pack_as_bytes: true },
    });
    const long = await send(partial.proxy.port, { method: 'POST', body: 'x'.repeat(300_000) });
    expect(JSON.parse(long.body).body).toHaveLength(300_000);
    expect(partial.service.asked[0]?.attributes.request.http).toMatchObject({
      raw_body: btoa('xxxxx'),
      headers: { 'x-envoy-auth-partial-body': 'true' },
    });
  });
});

describe('the answer over gRPC', () => {
  it('yes changes request, response, query and metadata', async () => {
    const { proxy } = await proxyWith(() => ({
      status: { code: 0 },
      ok_response: {
        headers: [
          { header: { key: 'X-Set', value: 'new' } },
          { header: { key: 'x-more', value: 'b' }, append: true },
        ],
        headers_to_remove: ['x-secret', 'host', ':path'],
        response_headers_to_add: [{ header: { key: 'x-said', value: 'yes' } }],
        query_parameters_to_set: [{ key: 'q', value: '2' }],
        query_parameters_to_remove: ['r'],
      },
      dynamic_metadata: { user: 'ann' },
    }));
    const { body, headers } = await send(proxy.port, {
      path: '/p?q=1&r=1&s=1',
      headers: { 'x-set': 'old', 'x-more': 'a', 'x-secret': 's' },
    });
    const seen = JSON.parse(body);
    expect(seen).toMatchObject({ 'x-set': 'new', 'x-more': 'a,b', url: '/p?s=1&q=2' });
    expect(seen).not.toHaveProperty('x-secret');
    expect(headers['x-said']).toBe('yes');
    expect(proxy.log[0]).toContain('{"user":"ann"}');
    expect(proxy.metrics.renderStats()).toContain('http.test.ext_authz.ok: 1');
    expect(proxy.metrics.renderStats()).toContain('cluster.c.ext_authz.ok: 1');
  });

  it('yes may lead to another route', async () => {
    const answer = yes({ headers: [{ header: { key: 'x-way', value: 'd' } }] });
    const stays = await proxyWith(answer);
    expect(JSON.parse((await send(stays.proxy.port, { path: '/p' })).body).url).toBe('/p');
    const moves = await proxyWith(answer, { clear_route_cache: true });
    expect(JSON.parse((await send(moves.proxy.port, { path: '/p' })).body).url).toBe('/d/p');
  });

  it('no is the client’s answer', async () => {
    const { proxy } = await proxyWith(() => ({
      status: { code: 7 },
      denied_response: {
        status: { code: 'Unauthorized' },
        headers: [{ header: { key: 'WWW-Authenticate', value: 'Basic' } }],
        body: 'who are you?',
      },
    }));
    const { status, body, headers } = await send(proxy.port);
    expect([status, body, headers['www-authenticate']]).toEqual([401, 'who are you?', 'Basic']);
    expect(proxy.log[0]).toBe('UAEX ext_authz_denied -');
    const plain = await proxyWith(() => ({ status: { code: 7 } }));
    expect((await send(plain.proxy.port)).status).toBe(403);
  });

  it('none is an error, or lets go on', async () => {
    const { proxy } = await proxyWith(() => 13);
    expect((await send(proxy.port)).status).toBe(403);
    expect(proxy.log[0]).toBe('UAEX ext_authz_error -');
    const open = await proxyWith(() => 13, { failure_mode_allow: true, failure_mode_allow_header_add: true });
    const { body } = await send(open.proxy.port);
    expect(JSON.parse(body)['x-envoy-auth-failure-mode-allowed']).toBe('true');
    expect(open.proxy.metrics.renderStats()).toContain('http.test.ext_authz.failure_mode_allowed: 1');
  });
});
