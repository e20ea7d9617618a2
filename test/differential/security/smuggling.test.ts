/**
 * What clients write into requests to pass for somebody else, or for a request that a policy does not mean: identities
 * of others in headers, several hosts, methods and names in other spellings. At a gateway's connection manager and at a
 * sidecar's, as the control plane makes them, in front of rules that deny and rules that allow: weft and Envoy answer
 * alike and pass on the same, or weft is the stricter one.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpService } from '../../../src/testing/compiled-mesh.ts';
import { envoyForTests } from '../../serve/envoy.ts';
import { type GuardedMesh, type GuardedPair, startGuarded } from './compiled-managers.ts';
import { type Came, LineClient } from './line-client.ts';

const binary = await envoyForTests();

const policy = (name: string, action: string, rule: string): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: default}
spec: {action: ${action}, rules: [${rule}]}`;

const sidecar = (name: string, ...policies: readonly string[]): GuardedMesh => ({
  name,
  who: 'sidecar~default/web-v1',
  yaml: httpService('web') + policies.join(''),
});

const EDGE: GuardedMesh = {
  name: 'a gateway',
  who: 'router~default/gw',
  labels: { app: 'gw' },
  yaml: `${httpService('web')}
---
apiVersion: v1
kind: Pod
metadata: {name: gw, namespace: default, labels: {app: gw}}
spec: {containers: [{name: istio-proxy, image: x, args: [proxy, router]}]}
status: {podIP: 10.0.0.7, phase: Running, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {selector: {app: gw}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec: {hosts: ['*'], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}`,
};

/** Behind a load balancer that says who the client is: somebody outside. */
const BEHIND: GuardedMesh = {
  ...EDGE,
  name: 'a gateway behind a proxy',
  yaml: `${EDGE.yaml}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    defaultConfig:
      gatewayTopology: {numTrustedProxies: 1}
      connectionSettings: {httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_REJECT_REQUEST}`,
};

const meshes = {
  gateway: EDGE,
  outside: BEHIND,
  sidecar: sidecar('a sidecar'),
  'hosts denied': sidecar('h', policy('h', 'DENY', '{to: [{operation: {hosts: [secret.org]}}]}')),
  'hosts allowed': sidecar('a', policy('a', 'ALLOW', '{to: [{operation: {hosts: [public.org]}}]}')),
  'methods denied': sidecar('m', policy('m', 'DENY', '{to: [{operation: {methods: [DELETE]}}]}')),
  'methods allowed': sidecar('n', policy('n', 'ALLOW', '{to: [{operation: {methods: [GET]}}]}')),
  'headers denied': sidecar(
    'd',
    policy('d', 'DENY', '{when: [{key: "request.headers[x-role]", values: [admin]}]}'),
  ),
  'headers allowed': sidecar(
    'e',
    policy('e', 'ALLOW', '{when: [{key: "request.headers[x-role]", values: [user]}]}'),
  ),
} satisfies Readonly<Record<string, GuardedMesh>>;
const names = Object.keys(meshes) as (keyof typeof meshes)[];

const request = (...lines: readonly string[]): string =>
  [...lines, ...(lines.some((line) => /^host *:/i.test(line)) ? [] : ['Host: web']), '', ''].join('\r\n');
const get = (...lines: readonly string[]): string => request('GET / HTTP/1.1', ...lines);

const ADMIN =
  'By=spiffe://cluster.local/ns/default/sa/web;Hash=00;URI=spiffe://cluster.local/ns/default/sa/admin';
const identities = [
  get(`X-Forwarded-Client-Cert: ${ADMIN}`),
  get(`x-forwarded-client-cert: ${ADMIN}`, `X-FORWARDED-CLIENT-CERT: ${ADMIN}`),
  get(`x_forwarded_client_cert: ${ADMIN}`),
  get(`X-Forwarded-Client-Cert : ${ADMIN}`),
  get(`X-Forwarded-Client-Cert: a`, ` ${ADMIN}`),
  get(`X-Forwarded-Client-Cert: ${ADMIN}`, 'Connection: x-forwarded-client-cert'),
  get('Connection: x-forwarded-client-cert', `X-Forwarded-Client-Cert: ${ADMIN}`),
  get(`\tX-Forwarded-Client-Cert: ${ADMIN}`),
  get('X-Envoy-Internal: true'),
  get('X-Envoy-External-Address: 10.0.0.1'),
  get('X-Envoy-Original-Path: /admin'),
  get('X-Envoy-Original-Host: a.org'),
  get('X-Envoy-Original-Dst-Host: 127.0.0.1:1'),
  get('X-Envoy-Decorator-Operation: x'),
  get('X-Envoy-Downstream-Service-Cluster: admin', 'X-Envoy-Downstream-Service-Node: admin'),
  get('X-Envoy-Retry-On: 5xx', 'X-Envoy-Max-Retries: 9', 'X-Envoy-Upstream-Rq-Timeout-Ms: 60000'),
  get('X-Envoy-Force-Trace: true'),
  get('X-Envoy-IP-Tags: a'),
  get('X-Envoy-Expected-Rq-Timeout-Ms: 7'),
  get('X-Envoy-Peer-Metadata: QUFB', 'X-Envoy-Peer-Metadata-Id: sidecar~1.1.1.1~admin.default~a'),
  get('X-Envoy-Attempt-Count: 9'),
  get('X-Forwarded-For: 10.0.0.1'),
  get('X-Forwarded-For: 10.0.0.1', 'X-Forwarded-For: 10.0.0.2'),
  get('X-Forwarded-Proto: https'),
  get('X-Forwarded-Proto: javascript'),
  get('X-Forwarded-Host: secret.org', 'X-Forwarded-Port: 443'),
  get('X-Request-Id: mine'),
  get('Connection: authorization, host', 'Authorization: Basic YTpi'),
  get('Proxy-Authorization: Basic YTpi', 'Proxy-Connection: close'),
];
const hosts = [
  get('Host: secret.org'),
  get('Host: SECRET.org'),
  get('Host: secret.org:80'),
  get('Host: secret.org.'),
  get('Host: secret.org', 'Host: public.org'),
  get('Host: public.org', 'Host: secret.org'),
  get('Host: public.org,secret.org'),
  get('Host: public.org@secret.org'),
  get('Host:  public.org '),
  get('Host: public.org'),
  get('Host: public.org/../secret.org'),
  get('Host: public.org', 'X-Forwarded-Host: secret.org'),
  get('Host: public.org', ':authority: secret.org'),
  get('Host : secret.org'),
  get('Host:'),
  request('GET http://secret.org/ HTTP/1.1', 'Host: public.org'),
  request('GET http://public.org/ HTTP/1.1', 'Host: secret.org'),
  request('GET HTTP://SECRET.ORG/ HTTP/1.1', 'Host: public.org'),
  request('GET http://public.org@secret.org/ HTTP/1.1', 'Host: public.org'),
  request('GET http://secret.org:80/ HTTP/1.1', 'Host: public.org'),
  request('GET //secret.org/ HTTP/1.1', 'Host: public.org'),
  'GET / HTTP/1.1\r\n\r\n',
];
const methods = [
  'DELETE',
  'delete',
  'Delete',
  'DELETE\t',
  ' DELETE',
  'GET',
  'get',
  'Get',
  'HEAD',
  'GETX',
  'G ET',
  'DELETE%00',
  'GET,DELETE',
  'P\u00D6ST',
  '',
].map((method) => request(`${method} / HTTP/1.1`));
const overrides = ['X-HTTP-Method-Override: DELETE', 'X-Method-Override: DELETE', ':method: DELETE'].map(
  (line) => get(line),
);
const roles = [
  get('X-Role: admin'),
  get('x-role: admin'),
  get('X-ROLE: admin'),
  get('X_Role: admin'),
  get('x-role : admin'),
  get('x-role:admin'),
  get('x-role:   admin  '),
  get('x-role:\tadmin'),
  get('x-role: Admin'),
  get('x-role: user', 'x-role: admin'),
  get('x-role: admin', 'x-role: user'),
  get('x-role: user, admin'),
  get('x-role: user'),
  get('x-role: admin,'),
  get('x-role:', 'x-role: admin'),
  get('x-role: us', ' er'),
  get('x-role: admin', 'Connection: x-role'),
  get('x-role: user', 'Connection: x-role'),
  get('x-role: ad\u0000min'),
  get('x-role: ad\u000bmin'),
  get('x-role: admin\u00a0'),
  get('x-role;: admin'),
  get('x-r\u00f6le: admin'),
  get('x-role'),
  get(': admin'),
  get('x-role: "admin"'),
];

const plays: Readonly<Record<keyof typeof meshes, readonly string[]>> = {
  outside: [...identities, ...roles]
    .filter((bytes) => !bytes.includes('X-Forwarded-For'))
    .map((bytes) => bytes.replace('\r\n', '\r\nX-Forwarded-For: 203.0.113.9\r\n')),
  gateway: [...identities, ...hosts, ...methods, ...overrides, ...roles],
  sidecar: [...identities, ...hosts, ...methods, ...overrides, ...roles],
  'hosts denied': hosts,
  'hosts allowed': hosts,
  'methods denied': [...methods, ...overrides],
  'methods allowed': [...methods, ...overrides],
  'headers denied': roles,
  'headers allowed': roles,
};

/** What became of a request, and what the upstream saw of it, in lines that can be compared. */
function linesOf({ status, saw }: Came): readonly string[] {
  const [first = '', ...lines] = saw?.split('\r\n') ?? [];
  const fields = lines
    .map((line) =>
      line
        .replace(/^[^:]*/, (name) => name.toLowerCase())
        .replace(/^(x-request-id): [0-9a-f-]{36}$/, '$1: <uuid>'),
    )
    .sort();
  return [String(status), first, ...fields].filter((line) => line !== '');
}

/**
 * Where weft means to differ (docs/envoy-differences.md): it may refuse what it cannot be sure of, passes on methods that
 * nobody knows, and does not let Connection take away what says who is who.
 */
function isMeant(bytes: string, [envoy]: readonly string[], [weft]: readonly string[]): boolean {
  if (weft === '400') return true;
  return envoy === '400' && /^(?:GETX|DELETE%00) |\r\nConnection: authorization/.test(bytes);
}

/** What the upstream of a mesh must never see, whoever asks. */
const NEVER: Readonly<Partial<Record<keyof typeof meshes, RegExp>>> = {
  gateway: /^x-forwarded-client-cert: /,
  outside:
    /sa\/admin|^x-envoy-(?:internal|original-(?!dst)|decorator-|downstream-|force-|ip-tags|retry-on|upstream-)|_/,
  sidecar: /^x-forwarded-client-cert: /,
  'hosts denied': /^host: .*secret\.org$/i,
  'hosts allowed': /^host: .*secret/i,
  'methods denied': /^delete[ \t]/i,
  'methods allowed': /^(?!GET )\S+ \S+ HTTP/,
  'headers denied': /^x-role:[ \t]*admin[ \t]*$/,
};

describe.skipIf(binary === undefined)('nobody passes for somebody else', () => {
  let pair: GuardedPair;
  beforeAll(async () => {
    pair = (await startGuarded(Object.values(meshes))) as GuardedPair;
  });
  afterAll(() => pair?.stop());

  it.each(names.map((name, index) => ({ name, index })))('$name', async ({ name, index }) => {
    const clients = [
      new LineClient(pair.port('envoy', index)),
      new LineClient(pair.port('weft', index)),
    ] as const;
    const differences: string[] = [];
    const leaks: string[] = [];
    for (const bytes of plays[name]) {
      const [envoy, weft] = await Promise.all(
        clients.map(async (client) => linesOf(await client.ask(bytes))),
      );
      for (const line of weft ?? [])
        if (NEVER[name]?.test(line)) leaks.push(`${JSON.stringify(bytes)}: ${line}`);
      if (!isMeant(bytes, envoy ?? [], weft ?? []) && JSON.stringify(envoy) !== JSON.stringify(weft))
        differences.push(
          [
            JSON.stringify(bytes),
            ...(envoy ?? []).filter((l) => !weft?.includes(l)).map((l) => `- ${l}`),
            ...(weft ?? []).filter((l) => !envoy?.includes(l)).map((l) => `+ ${l}`),
          ].join('\n'),
        );
    }
    for (const client of clients) client.close();
    expect(leaks).toEqual([]);
    console.log(`${name}: ${plays[name].length} requests`);
    expect(differences).toEqual([]);
  });
});
