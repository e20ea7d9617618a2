import { afterEach, describe, expect, it } from 'vitest';
import { any, type HttpConnectionManager } from '../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  routesOf,
  send,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../test-proxy.ts';

afterEach(closeAll);

interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  /** Microseconds. */
  readonly duration: number;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly shared?: boolean;
  readonly tags: Record<string, string>;
}

async function startCollector(): Promise<{ readonly port: number; readonly spans: ZipkinSpan[] }> {
  const spans: ZipkinSpan[] = [];
  const { port } = await startUpstream((request, response) => {
    spans.push(...JSON.parse(request.body));
    response.writeHead(202);
    response.end();
  });
  return { port, spans };
}

function zipkin(more: object = {}): NonNullable<NonNullable<HttpConnectionManager['tracing']>['provider']> {
  return {
    name: 'envoy.tracers.zipkin',
    typed_config: any('envoy.config.trace.v3.ZipkinConfig', {
      collector_cluster: 'zipkin',
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
      ...more,
    }),
  };
}

/** A proxy that leads to `upstream` and sends spans to `collector`. */
async function tracedProxy(
  upstream: number,
  collector: number,
  tracing: Partial<NonNullable<HttpConnectionManager['tracing']>> = {},
  direction: 'inbound' | 'outbound' = 'outbound',
) {
  return startTestProxy({
    direction,
    clusters: [staticCluster('c', [upstream]), staticCluster('zipkin', [collector])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
    manager: { tracing: { provider: zipkin(), ...tracing } },
  });
}

async function echo(): Promise<number> {
  const { port } = await startUpstream((request, response) => response.end(JSON.stringify(request.headers)));
  return port;
}

describe('spans', () => {
  it('two proxies in a row: the first is the client, the second the server of one span', async () => {
    const collector = await startCollector();
    const inbound = await tracedProxy(await echo(), collector.port, {}, 'inbound');
    const outbound = await tracedProxy(inbound.port, collector.port);
    const answer = await send(outbound.port, { path: '/a?b', headers: { host: 'reviews' } });
    const headers = JSON.parse(answer.body);
    await eventually(() => collector.spans.length === 2);
    const client = collector.spans.find((span) => span.kind === 'CLIENT') as ZipkinSpan;
    const server = collector.spans.find((span) => span.kind === 'SERVER') as ZipkinSpan;
    expect(server).toMatchObject({ traceId: client.traceId, id: client.id, shared: true, name: 'reviews' });
    expect(headers).toMatchObject({
      'x-b3-traceid': client.traceId,
      'x-b3-spanid': server.id,
      'x-b3-sampled': '1',
    });
    expect(client.tags).toMatchObject({
      component: 'proxy',
      'http.url': 'http://reviews/a?b',
      'http.method': 'GET',
      'http.status_code': '200',
      'http.protocol': 'HTTP/1.1',
      upstream_cluster: 'c',
      response_flags: '-',
      'guid:x-request-id': headers['x-request-id'],
    });
    expect(outbound.metrics.renderStats()).toContain('http.test.tracing.random_sampling: 1\n');
    await eventually(() => outbound.metrics.renderStats().includes('tracing.zipkin.reports_sent: 1\n'));
  });

  it('what is not sampled travels on as such, and is not sent', async () => {
    const collector = await startCollector();
    const proxy = await tracedProxy(await echo(), collector.port, { random_sampling: { value: 0 } });
    const headers = JSON.parse((await send(proxy.port)).body);
    expect(headers['x-b3-sampled']).toBe('0');
    expect(headers['x-b3-traceid']).toMatch(/^[0-9a-f]{16}$/);
    const forced = JSON.parse((await send(proxy.port, { headers: { 'x-client-trace-id': '1' } })).body);
    expect(forced['x-b3-sampled']).toBe('1');
    await eventually(() => collector.spans.length === 1);
    expect(collector.spans[0]?.traceId).toBe(forced['x-b3-traceid']);
    expect(collector.spans[0]?.tags['guid:x-client-trace-id']).toBe('1');
  });

  it('each attempt has its own span where that is asked for', async () => {
    const collector = await startCollector();
    let tries = 0;
    const { port } = await startUpstream((_request, response) => {
      response.writeHead(++tries === 1 ? 503 : 200);
      response.end();
    });
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [port]), staticCluster('zipkin', [collector.port])],
      routes: routesOf({
        match: { prefix: '/' },
        route: { cluster: 'c', retry_policy: { retry_on: '5xx', num_retries: 1 } },
      }),
      manager: { tracing: { provider: zipkin(), spawn_upstream_span: true } },
    });
    await send(proxy.port, { headers: { host: 'reviews' } });
    await eventually(() => collector.spans.length === 3);
    const server = collector.spans.find((span) => span.kind === 'SERVER');
    const clients = collector.spans.filter((span) => span.kind === 'CLIENT');
    expect(clients.map((span) => [span.parentId, span.name, span.tags['http.status_code']])).toEqual([
      [server?.id, 'router c egress', '503'],
      [server?.id, 'router c egress', '200'],
    ]);
    expect(clients[0]?.tags['error']).toBe('true');
    expect(clients[1]?.tags['retry.count']).toBe('1');
  });

  it('a try that goes on beside another one has a span of its own length and endpoint', async () => {
    const collector = await startCollector();
    const slow = await startUpstream(() => {});
    const fast = await startUpstream((_request, response) => response.end());
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [slow.port, fast.port]), staticCluster('zipkin', [collector.port])],
      routes: routesOf({
        match: { prefix: '/' },
        route: {
          cluster: 'c',
          hedge_policy: { hedge_on_per_try_timeout: true },
          retry_policy: {
            retry_on: '5xx',
            num_retries: 1,
            per_try_timeout: '0.03s',
            retry_back_off: { base_interval: '0.001s' },
          },
        },
      }),
      manager: { tracing: { provider: zipkin(), spawn_upstream_span: true } },
    });
    // One of two requests meets the slow endpoint first.
    await send(proxy.port, { headers: { host: 'reviews' } });
    await send(proxy.port, { headers: { host: 'reviews' } });
    await eventually(() => collector.spans.length === 5);
    const clients = collector.spans.filter((span) => span.kind === 'CLIENT');
    const lost = clients.find((span) => span.tags['upstream_address'] === `127.0.0.1:${slow.port}`);
    expect(lost?.tags['http.status_code']).toBe('0');
    expect(lost?.duration).toBeGreaterThanOrEqual(25_000);
    const won = clients.filter((span) => span.tags['upstream_address'] === `127.0.0.1:${fast.port}`);
    expect(won.map((span) => span.tags['http.status_code'])).toEqual(['200', '200']);
  });

  it('routes name operations, and choose shares and tags of their own', async () => {
    const collector = await startCollector();
    const proxy = await startTestProxy({
      direction: 'outbound',
      clusters: [staticCluster('c', [await echo()]), staticCluster('zipkin', [collector.port])],
      routes: routesOf({
        match: { prefix: '/' },
        route: { cluster: 'c' },
        decorator: { operation: 'buy' },
        metadata: { filter_metadata: { shop: { shelf: { row: 7 } } } },
        tracing: {
          random_sampling: { numerator: 100 },
          custom_tags: [
            { tag: 'a', literal: { value: 'b' } },
            { tag: 'who', request_header: { name: 'X-Who', default_value: 'nobody' } },
            {
              tag: 'row',
              metadata: { kind: { route: {} }, metadata_key: { key: 'shop', path: [{ key: 'shelf' }] } },
            },
            { tag: 'none', environment: { name: 'WEFT_NO_SUCH_VARIABLE' } },
          ],
        },
      }),
      manager: { tracing: { provider: zipkin(), random_sampling: { value: 0 } } },
    });
    const headers = JSON.parse((await send(proxy.port, { headers: { 'x-who': 'me' } })).body);
    expect(headers['x-envoy-decorator-operation']).toBe('buy');
    await eventually(() => collector.spans.length === 1);
    expect(collector.spans[0]).toMatchObject({ name: 'buy', tags: { a: 'b', who: 'me', row: '{"row":7}' } });
    expect(collector.spans[0]?.tags).not.toHaveProperty('none');
  });

  it('spans that no collector takes are counted', async () => {
    const proxy = await startTestProxy({
      clusters: [staticCluster('c', [await echo()])],
      routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c' } }),
      manager: { tracing: { provider: zipkin() } },
    });
    await send(proxy.port);
    await eventually(() =>
      proxy.metrics.renderStats().includes('tracing.zipkin.reports_skipped_no_cluster: 1\n'),
    );
  });
});

describe('providers that are not there', () => {
  it('are refused by name', async () => {
    const other = {
      name: 'envoy.tracers.datadog',
      typed_config: any('envoy.config.trace.v3.DatadogConfig', {}),
    };
    await expect(tracedProxy(1, 1, { provider: other })).rejects.toThrow(
      "tracing.provider.typed_config: 'type.googleapis.com/envoy.config.trace.v3.DatadogConfig' is not supported",
    );
  });
});
