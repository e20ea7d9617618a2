import { afterEach, describe, expect, it } from 'vitest';
import { any, type HttpConnectionManager } from '../../../../xds/resources.ts';
import { ownAddress } from '../../../own-address.ts';
import type { Downstream } from '../../../runtime.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  send,
  sendRaw,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../../test-proxy.ts';

afterEach(closeAll);

/** A proxy before an upstream that answers with the headers it saw, as JSON. */
async function echoProxy(manager: Partial<HttpConnectionManager> = {}, downstream: Partial<Downstream> = {}) {
  const { port } = await startUpstream((request, response) => {
    response.setHeader('server', 'app');
    response.end(JSON.stringify({ url: request.url, ...request.headers }));
  });
  return startTestProxy({
    clusters: [staticCluster('c', [port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager,
    downstream,
  });
}

async function seen(port: number, options: Parameters<typeof send>[1] = {}): Promise<Record<string, string>> {
  return JSON.parse((await send(port, options)).body);
}

const peer = {
  uri: 'spiffe://cluster.local/ns/default/sa/a',
  subject: 'O=x',
  hash: 'ab12',
  pem: '',
  dnsNames: [],
};
const tls = {
  alpn: '',
  sni: '',
  version: 'TLSv1.3',
  peer,
  localUri: 'spiffe://cluster.local/ns/default/sa/b',
};

describe('who asks', () => {
  it('a sidecar passes on what it is told, and fills in what is missing', async () => {
    const { port } = await echoProxy();
    const headers = await seen(port, {
      headers: { 'x-forwarded-for': '1.2.3.4', 'x-envoy-retry-on': '5xx' },
    });
    expect(headers).toMatchObject({ 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'http' });
    expect(headers['x-request-id']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(headers['x-envoy-retry-on']).toBeUndefined();
    expect((await seen(port, { headers: { 'x-request-id': 'mine' } }))['x-request-id']).toBe('mine');
  });

  it('a gateway believes only its own eyes', async () => {
    const { port } = await echoProxy({ use_remote_address: true, via: 'edge' });
    const headers = await seen(port, {
      headers: { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https', 'x-request-id': 'mine' },
    });
    expect(headers).toMatchObject({
      'x-forwarded-for': `1.2.3.4,${ownAddress()}`,
      'x-forwarded-proto': 'http',
      'x-envoy-external-address': '127.0.0.1',
      via: 'edge',
    });
    expect(headers['x-request-id']).not.toBe('mine');
  });

  it('an extension may find the address, and insist on one', async () => {
    const { port } = await echoProxy({
      original_ip_detection_extensions: [
        {
          name: 'header',
          typed_config: any(
            'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig',
            {
              header_name: 'X-Real-Ip',
              allow_extension_to_set_address_as_trusted: true,
              reject_with_status: { code: 'Unauthorized' },
            },
          ),
        },
      ],
      internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
    });
    expect((await seen(port, { headers: { 'x-real-ip': '10.0.0.1' } }))['x-envoy-internal']).toBe('true');
    expect((await seen(port, { headers: { 'x-real-ip': '1.2.3.4' } }))['x-envoy-internal']).toBeUndefined();
    expect((await send(port, { headers: { 'x-real-ip': 'nobody' } })).status).toBe(401);
  });

  it('headers may be changed before anything looks at them, and the proxy may say who it is', async () => {
    const { port } = await echoProxy({
      add_user_agent: true,
      early_header_mutation_extensions: [
        {
          name: 'early',
          typed_config: any('envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
            mutations: [{ append: { header: { key: 'x-early', value: '%REQ(x-a)%' } } }, { remove: 'x-a' }],
          }),
        },
      ],
    });
    const headers = await seen(port, { headers: { 'x-a': '1' } });
    expect(headers).toMatchObject({ 'x-early': '1', 'user-agent': 'productpage.default' });
    expect(headers['x-a']).toBeUndefined();
    expect((await seen(port, { headers: { 'user-agent': 'me' } }))['user-agent']).toBe('me');
  });

  it('certificates are named as configured, and nobody else may name them', async () => {
    const forged = { headers: { 'x-forwarded-client-cert': 'By=me;URI=spiffe://evil' } };
    const xfcc = async (manager: Partial<HttpConnectionManager>, downstream: Partial<Downstream>) =>
      (await seen((await echoProxy(manager, downstream)).port, forged))['x-forwarded-client-cert'];
    const details = { uri: true, subject: true };
    const own = `By=${tls.localUri};Hash=ab12;Subject="O=x";URI=${peer.uri}`;
    const set = (mode: NonNullable<HttpConnectionManager['forward_client_cert_details']>) => ({
      forward_client_cert_details: mode,
      set_current_client_cert_details: details,
    });
    expect(await xfcc({}, {})).toBeUndefined();
    expect(await xfcc({}, { tls })).toBeUndefined();
    expect(await xfcc(set('APPEND_FORWARD'), { tls })).toBe(`By=me;URI=spiffe://evil,${own}`);
    expect(await xfcc(set('SANITIZE_SET'), { tls })).toBe(own);
    expect(await xfcc(set('SANITIZE_SET'), {})).toBeUndefined();
    expect(await xfcc(set('ALWAYS_FORWARD_ONLY'), {})).toBe('By=me;URI=spiffe://evil');
  });

  it('the proxies before this one introduce themselves, and the application never sees it', async () => {
    const proxy = await echoProxy({}, { tls, direction: 'inbound' });
    const headers = await seen(proxy.port, {
      headers: { 'x-weft-peer': 'a-v1;default;a;v1;Kubernetes;a;v1' },
    });
    expect(headers['x-weft-peer']).toBeUndefined();
  });
});

describe('one path, one spelling', () => {
  it.each<[Partial<HttpConnectionManager>, string, string | number]>([
    [{}, '/a/../b', '/a/../b'],
    [{ normalize_path: true }, '/a/../b/./c?x=/../', '/b/c?x=/../'],
    [{ normalize_path: true }, '/a/%2e%2E/%62', '/b'],
    [{ normalize_path: true }, '/../../a/..', '/'],
    [{ normalize_path: true }, '/a\\..\\b', '/b'],
    [{ normalize_path: true, merge_slashes: true }, '//a///b?c=//', '/a/b?c=//'],
    [{ path_with_escaped_slashes_action: 'REJECT_REQUEST' }, '/a%2Fb', 400],
    [{ path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD', normalize_path: true }, '/a%2F..%5cb', '/b'],
    [{ path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT' }, '/a%2fb', 307],
  ])('%j: %s is %s', async (manager, path, expected) => {
    const { port } = await echoProxy(manager);
    const text = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const status = Number(text.slice(9, 12));
    if (typeof expected === 'number') expect(status).toBe(expected);
    else expect(/"url":"([^"]*)"/.exec(text)?.[1]).toBe(expected);
  });
});

describe('answers', () => {
  it('say who served them, in the way that was configured', async () => {
    const server = async (manager: Partial<HttpConnectionManager>) =>
      (await send((await echoProxy(manager)).port)).headers['server'];
    expect(await server({})).toBe('envoy');
    expect(await server({ server_name: 'istio-envoy' })).toBe('istio-envoy');
    expect(await server({ server_header_transformation: 'PASS_THROUGH' })).toBe('app');
    expect(await server({ server_header_transformation: 'APPEND_IF_ABSENT' })).toBe('app');
  });

  it('to what is no HTTP are refusals, and reach no upstream', async () => {
    const proxy = await echoProxy();
    expect(
      await sendRaw(
        proxy.port,
        'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1\.1 400 .*[\s\S]*Both Transfer-Encoding and Content-Length/);
    expect(
      await sendRaw(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 431 /);
    expect(proxy.metrics.cluster('c').upstream_rq_total).toBe(0);
  });

  it('wait for a head no longer than the limit', async () => {
    const proxy = await echoProxy({ request_headers_timeout: '0.05s' });
    expect(await sendRaw(proxy.port, 'GET / HT')).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('leaving', () => {
  it('idle connections close at once, busy ones with their answer', async () => {
    let answer: (() => void) | undefined;
    const { port } = await startUpstream((_, response) => (answer = () => response.end('ok')));
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    });
    const idle = await openRaw(proxy.port);
    const busy = await openRaw(proxy.port);
    busy.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => answer !== undefined && proxy.openConnections() === 2);
    proxy.drain();
    await idle.read(/<end>/);
    answer?.();
    expect(await busy.read(/ok<end>/)).toMatch(/connection: close/);
    idle.socket.end();
    busy.socket.end();
    await eventually(() => proxy.openConnections() === 0);
  });

  it('a change of routes and clusters touches no open stream', async () => {
    let finish: (() => void) | undefined;
    const first = await startUpstream((_, response) => {
      response.write('one');
      finish = () => response.end('two');
    });
    const second = await startUpstream((_, response) => response.end('other'));
    const routes = routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } });
    const proxy = await startTestProxy({ clusters: [staticCluster('c', [first.port])], routes });
    const client = await openRaw(proxy.port);
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.read(/one/);
    proxy.setRoutes({ name: 'routes', virtual_hosts: [] });
    proxy.setClusters([staticCluster('c', [second.port])]);
    proxy.setRoutes(routes);
    expect((await send(proxy.port)).body).toBe('other');
    finish?.();
    await client.read(/two/);
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.read(/other/)).toMatch(/200/);
  });
});

describe('numbers and lines', () => {
  it("are Istio's and Envoy's", async () => {
    const proxy = await echoProxy({
      access_log: [
        {
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
            path: '/dev/stdout',
            log_format: {
              json_format: {
                m: '%REQ(:METHOD)%',
                s: '%RESPONSE_CODE%',
                d: { f: '%RESPONSE_FLAGS%!' },
                none: '%REQ(X)%',
              },
            },
          },
        },
      ],
    });
    await send(proxy.port, { headers: { host: 'reviews:9080' } });
    await send(proxy.port, { headers: { host: 'reviews:9080' } });
    expect(proxy.log[0]).toBe('{"d":{"f":"-!"},"m":"GET","none":null,"s":200}\n');
    const text = proxy.metrics.renderPrometheus();
    expect(text).toMatch(
      /istio_requests_total\{reporter="source",source_workload="productpage-v1",.*destination_service="reviews:9080".*,response_code="200",grpc_response_status="",response_flags="-"\} 2/,
    );
    expect(text).toMatch(/istio_request_duration_milliseconds_count\{.*\} 2/);
    expect(text).toContain('envoy_cluster_upstream_rq_total{envoy_cluster_name="c"} 2');
    expect(text).toContain(
      'envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="c"} 2',
    );
    expect(text).toContain(
      'envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="test"} 2',
    );
    expect(proxy.metrics.renderStats()).toContain('cluster.c.upstream_rq_2xx: 2');
  });
});

describe('streams that are not over', () => {
  it('are logged at their start and every so often, where that is wanted', async () => {
    const { port } = await startUpstream((_request, response) =>
      eventually(() => proxy.log.some((line) => line.startsWith('DownstreamPeriodic'))).then(() =>
        response.end('late'),
      ),
    );
    const log_format = {
      text_format_source: { inline_string: '%ACCESS_LOG_TYPE% %RESPONSE_CODE% %ROUTE_NAME%\n' },
    };
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port])],
      routes: routesOf({ name: 'r', match: { prefix: '/' }, route: { cluster: 'c' } }),
      manager: {
        access_log_options: { flush_access_log_on_new_request: true, access_log_flush_interval: '0.001s' },
        access_log: [
          {
            typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', { log_format }),
          },
        ],
      },
    });
    await send(proxy.port);
    await eventually(() => proxy.log.at(-1)?.startsWith('DownstreamEnd') === true);
    expect([...new Set(proxy.log)]).toEqual([
      'DownstreamStart 0 r\n',
      'DownstreamPeriodic 0 r\n',
      'DownstreamEnd 200 r\n',
    ]);
  });
});

describe('what is not understood', () => {
  it('is refused by name, all of it', async () => {
    await expect(
      echoProxy({
        codec_type: 'HTTP3',
        original_ip_detection_extensions: [{ name: 'x' }],
        http_filters: [
          {
            name: 'lua',
            typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua' },
          },
        ],
      }),
    ).rejects.toThrow(
      /codec_type: HTTP3.*original_ip_detection_extensions.*http_filters\[0\]\.typed_config: the filter 'envoy\.extensions\.filters\.http\.lua\.v3\.Lua'.*do not end in a router/,
    );
  });
});
