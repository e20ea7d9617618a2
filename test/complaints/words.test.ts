/** Response flags that users have to learn by heart, and the sentence that stands beside each in the answer. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  closeAll,
  routesOf,
  send,
  startRawUpstream,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../../src/proxy/test-proxy.ts';
import { any, type HttpConnectionManager } from '../../src/xds/resources.ts';

afterEach(closeAll);

const LOG: NonNullable<HttpConnectionManager['access_log']> = [
  {
    typed_config: any('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', {
      log_format: { text_format_source: { inline_string: '%RESPONSE_FLAGS%' } },
    }),
  },
];

async function startBroken(more: Partial<HttpConnectionManager> = {}) {
  const silent = await startUpstream(() => {});
  const closing = await startRawUpstream((socket) => socket.on('data', () => socket.destroy()));
  const garbled = await startRawUpstream((socket) =>
    socket.on('data', () => socket.end('\x16\x03\x01nothing')),
  );
  const to = (path: string, action: object) => ({
    match: { path },
    route: { cluster: path.slice(1), ...action },
  });
  return startTestProxy({
    clusters: [
      staticCluster('UH', []),
      staticCluster('UF', [1]),
      staticCluster('UC', [closing.port]),
      staticCluster('UT', [silent.port]),
      staticCluster('UPE', [garbled.port]),
      staticCluster('UO', [silent.port], { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }),
    ],
    routes: routesOf(
      to('/UH', {}),
      to('/UF', {}),
      to('/UC', {}),
      to('/UT', { timeout: '0.05s' }),
      to('/UPE', {}),
      to('/UO', {}),
      to('/NC', {}),
    ),
    manager: { access_log: LOG, ...more },
  });
}

describe('a local reply says in words', () => {
  it.each([
    ['UH', 503, /Cluster UH has 0 healthy of 0 endpoints\./],
    ['UF', 503, /Endpoint 127\.0\.0\.1:1: .*REFUSED/],
    ['UC', 503, /127\.0\.0\.1:\d+: The connection ended before the response began\./],
    ['UT', 504, /127\.0\.0\.1:\d+ did not answer within 50 ms\./],
    ['UPE', 502, /127\.0\.0\.1:\d+: .*\./],
    ['UO', 503, /Cluster UO has 0 requests already\./],
    ['NC', 503, /There is no cluster NC\./],
    ['NR', 404, /No route of virtual host all matches GET \/NR\./],
  ])('what %s means', async (flag, status, sentence) => {
    const proxy = await startBroken();
    const answer = await send(proxy.port, { path: `/${flag}` });
    expect(answer.body).toMatch(sentence);
    expect(answer.status).toBe(status);
    expect(proxy.log[0]?.split(',')).toContain(flag);
  });

  it('and keeps it to itself where callers come from outside', async () => {
    const proxy = await startBroken({ use_remote_address: true });
    expect((await send(proxy.port, { path: '/NR' })).body).toBe('');
    expect((await send(proxy.port, { path: '/UF' })).body).not.toContain('127.0.0.1');
  });
});
