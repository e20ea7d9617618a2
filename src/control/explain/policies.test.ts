import { describe, expect, it } from 'vitest';
import { httpService } from '../../testing/compiled-mesh.ts';
import { callOf, meshToExplain } from '../../testing/traffic/explained.ts';
import type { AnyMessage, HttpConnectionManager, Listener } from '../../xds/resources.ts';
import { any } from '../../xds/resources.ts';
import { explain } from './explain.ts';
import { journeys } from './journeys.ts';
import type { ExplainMesh } from './mesh.ts';

// Filters put in front of what a workload's proxy gets, where policies stand.

type HttpFilter = NonNullable<HttpConnectionManager['http_filters']>[number];

function withInbound(mesh: ExplainMesh, filter: HttpFilter): ExplainMesh {
  const { compiled } = mesh;
  return {
    ...mesh,
    compiled: {
      ...compiled,
      forProxy(node) {
        const view = compiled.forProxy(node);
        return (
          view && {
            clusters: () => view.clusters(),
            routes: (names) => view.routes(names),
            endpoints: (names) => view.endpoints(names),
            listeners: () => view.listeners().map((one) => ({ ...one, object: guarded(one.object, filter) })),
          }
        );
      },
    },
  };
}

function guarded(listener: Listener, filter: HttpFilter): Listener {
  if (listener.traffic_direction !== 'INBOUND') return listener;
  const inFront = (config: AnyMessage | undefined): AnyMessage =>
    ({
      ...config,
      http_filters: [filter, ...((config as HttpConnectionManager | undefined)?.http_filters ?? [])],
    }) as AnyMessage;
  return {
    ...listener,
    filter_chains: (listener.filter_chains ?? []).map((chain) => ({
      ...chain,
      filters: (chain.filters ?? []).map((one) =>
        one.name?.endsWith('http_connection_manager') === true
          ? { ...one, typed_config: inFront(one.typed_config) }
          : one,
      ),
    })),
  };
}

function rbac(action: 'ALLOW' | 'DENY', path: string): HttpFilter {
  const policy = { permissions: [{ url_path: { path: { prefix: path } } }], principals: [{ any: true }] };
  return {
    name: 'envoy.filters.http.rbac',
    typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', {
      rules: { action, policies: { 'ns[default]-policy[paths]-rule[1]': policy } },
    }),
  };
}

const mesh = meshToExplain([httpService('web'), httpService('api')].join('\n---'));
const call = (path: string) => callOf(`default/web-v1 GET http://api${path}`);

describe('policies at the callee', () => {
  const denying = withInbound(mesh, rbac('DENY', '/secret'));
  const allowing = withInbound(mesh, rbac('ALLOW', '/public'));

  it('deny by a rule', () => {
    expect(explain(denying, call('/secret/x'))).toMatchObject({
      outcome: 'deny',
      status: 403,
      destinations: [{ workloads: ['default/api-v1'] }],
      policies: [
        { kind: 'AuthorizationPolicy', namespace: 'default', name: 'paths', rule: 1, verdict: 'deny' },
      ],
    });
    expect(explain(denying, call('/'))).toMatchObject({ outcome: 'forward', policies: [] });
  });

  it('deny by allowing nothing else', () => {
    expect(explain(allowing, call('/public'))).toMatchObject({
      outcome: 'forward',
      policies: [{ rule: 1, verdict: 'allow' }],
    });
    const answer = explain(allowing, call('/secret'));
    expect(answer).toMatchObject({
      outcome: 'deny',
      policies: [{ name: 'paths', rule: -1, verdict: 'deny' }],
    });
    expect(answer.steps.find(({ what }) => what.startsWith('no policy allows'))?.instead).toHaveLength(1);
  });

  it('nobody pretends to know what a foreign filter does', () => {
    const foreign = { name: 'wasm', typed_config: any('envoy.extensions.filters.http.wasm.v3.Wasm', {}) };
    const [way] = journeys(withInbound(mesh, foreign), call('/'));
    expect([...(way?.trace.unsure ?? [])]).toEqual(['everything']);
  });
});
