import { describe, expect, it } from 'vitest';
import { meshOf, proxyOf } from '../../../testing/compiled-mesh.ts';
import { callOf, meshToExplain } from '../../../testing/traffic/explained.ts';
import { explain } from '../../explain/explain.ts';

const workload = (name: string, inject: boolean): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}-1, namespace: default, labels: {app: ${name}}}
spec:
  containers:
  - {name: app, image: x}
  ${inject ? '- {name: istio-proxy, image: x, args: [proxy, sidecar]}' : ''}
status: {podIP: ${inject ? '10.0.0.1' : '10.0.0.2'}, phase: Running, conditions: [{type: Ready, status: 'True'}]}`;

const policy = (spec: string, more = ''): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: default${more}}
spec: ${spec}`;

const BARE = '{selector: {matchLabels: {app: bare}}, ';
const meshWith = (...policies: string[]) =>
  [workload('web', true), workload('bare', false), ...policies].join('\n---');

/** How many endpoints of `bare` proxies are told, and what is said of the policy. */
function seen(...policies: string[]) {
  const mesh = meshOf(meshWith(...policies));
  const view = proxyOf(mesh, 'sidecar~default/web-1');
  const cluster = 'outbound|80||bare.default.svc.cluster.local';
  const endpoints = view
    .endpoints()
    .filter(({ name }) => name === cluster)
    .flatMap(({ object }) => (object.endpoints ?? []).flatMap(({ lb_endpoints = [] }) => lb_endpoints));
  return { endpoints: endpoints.length, findings: mesh.findings().map(({ message }) => message) };
}

describe('a policy about requests, and no proxy before the workload', () => {
  it('nothing is sent there, and the status of the policy says so', () => {
    expect(seen()).toEqual({ endpoints: 1, findings: [] });
    for (const rule of [
      '{rules: [{to: [{operation: {methods: [GET]}}]}]}',
      '{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}',
      '{rules: [{when: [{key: "request.auth.claims[a]", values: [b]}]}]}',
    ]) {
      const { endpoints, findings } = seen(policy(BARE + rule.slice(1)));
      expect(endpoints, rule).toBe(0);
      expect(findings[0]).toMatch(/no proxy stands before default\/bare/);
    }
  });

  it('not where the policy only observes, is about connections, or is content', () => {
    const rules = `${BARE}rules: [{to: [{operation: {methods: [GET]}}]}]}`;
    for (const one of [
      policy(rules, ', annotations: {istio.io/dry-run: "true"}'),
      policy(rules, ', annotations: {weft.dev/without-proxy: ignore}'),
      policy(`${BARE}rules: [{from: [{source: {namespaces: [a]}}]}]}`),
      policy(rules.replace('app: bare', 'app: web')),
    ])
      expect(seen(one), one).toEqual({ endpoints: 1, findings: [] });
  });

  it('its address leads nowhere either', () => {
    const closed = (text: string) => {
      const view = proxyOf(meshOf(text), 'sidecar~default/web-1');
      const outbound = view.listeners().find(({ name }) => name === 'virtualOutbound');
      return outbound?.object.filter_chains?.find(({ name }) => name === 'unenforced-policy');
    };
    expect(closed(meshWith())).toBeUndefined();
    expect(
      closed(meshWith(policy(`${BARE}rules: [{to: [{operation: {methods: [GET]}}]}]}`)))?.filter_chain_match,
    ).toEqual({ prefix_ranges: [{ address_prefix: '10.0.0.2', prefix_len: 32 }] });
  });

  it('weft explain names the policy', () => {
    const mesh = meshToExplain(meshWith(policy(`${BARE}rules: [{to: [{operation: {methods: [GET]}}]}]}`)));
    const { status, steps } = explain(mesh, callOf('default/web-1 GET http://bare/'));
    expect(status).toBe(503);
    expect(steps.map(({ what }) => what).join('\n')).toContain(
      'nothing is sent to default/bare-1: no proxy stands before it that could enforce AuthorizationPolicy default/p',
    );
  });
});
