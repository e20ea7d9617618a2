import { describe, expect, it } from 'vitest';
import { httpService, meshOf, proxyOf } from '../../../testing/compiled-mesh.ts';
import { DENIAL_LOG, REPORTS_CLUSTER } from '../../../xds/names.ts';
import type { FilterChain, HttpConnectionManager, Json, TcpProxy } from '../../../xds/resources.ts';

const policy = (name: string, spec: string, more = ''): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: default${more}}
spec: ${spec}`;

function chains(...policies: readonly string[]): readonly FilterChain[] {
  const found = proxyOf(meshOf([httpService('web'), ...policies].join('\n---')), 'sidecar~default/web-v1')
    .listeners()
    .find(({ name }) => name === 'virtualInbound');
  return found?.object.filter_chains ?? [];
}

function last<T>(all: readonly FilterChain[], name: string): T {
  const chain = all.findLast(({ filters = [] }) => filters.at(-1)?.name === `envoy.filters.network.${name}`);
  return chain?.filters?.at(-1)?.typed_config as T;
}

const manager = (...policies: string[]) =>
  last<HttpConnectionManager>(chains(...policies), 'http_connection_manager');
const logOf = ({ access_log = [] }: HttpConnectionManager | TcpProxy) =>
  access_log.find(({ name }) => name === DENIAL_LOG) as { [key: string]: Json } | undefined;

describe('what is told of denials', () => {
  it('nothing where no policy holds', () => {
    expect(logOf(manager())).toBeUndefined();
    expect(manager().local_reply_config).toBeUndefined();
  });

  it('requests that rules deny, to the control plane; to the caller a reference', () => {
    const { local_reply_config, ...more } = manager(policy('d', '{action: DENY, rules: [{}]}'));
    expect(logOf(more)).toMatchObject({
      filter: { metadata_filter: { matcher: { path: [{ key: 'enforced_engine_result' }] } } },
      typed_config: {
        common_config: { grpc_service: { envoy_grpc: { cluster_name: REPORTS_CLUSTER } } },
      },
    });
    expect(local_reply_config?.mappers?.[0]?.headers_to_add?.[0]?.header).toEqual({
      key: 'x-request-id',
      value: '%REQ(X-REQUEST-ID)%',
    });
  });

  it('the headers that rules ask about, secrets not among them', () => {
    const when = (name: string) => `{key: "request.headers[${name}]", values: [a]}`;
    const rules = `[{when: [${when('X-Team')}, ${when('Authorization')}, ${when('x-session-token')}]}]`;
    const { typed_config } = logOf(manager(policy('a', `{rules: ${rules}}`))) as {
      typed_config: { additional_request_headers_to_log: Json };
    };
    expect(typed_config.additional_request_headers_to_log).toEqual(['x-team']);
  });

  it('what policies on trial would deny', () => {
    const trial = policy('d', '{action: DENY, rules: [{}]}', ', annotations: {istio.io/dry-run: "true"}');
    expect(logOf(manager(trial))).toMatchObject({
      filter: {
        metadata_filter: { matcher: { path: [{ key: 'istio_dry_run_deny_shadow_engine_result' }] } },
      },
    });
  });

  it('connections that rules deny', () => {
    const all = chains(policy('d', '{action: DENY, rules: [{}]}'));
    expect(logOf(last<TcpProxy>(all, 'tcp_proxy'))).toMatchObject({
      filter: {
        and_filter: {
          filters: [
            { metadata_filter: { matcher: { path: [{ key: 'weft_enforced_shadow_engine_result' }] } } },
            { log_type_filter: { types: ['TcpUpstreamConnected'], exclude: true } },
          ],
        },
      },
    });
  });
});
