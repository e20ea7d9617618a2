/**
 * Authorizers and rules of connections (network filters ext_authz and rbac) against the real Envoy: one listener a
 * configuration, a client that speaks first, an authorizer over gRPC that says what a case tells it to say. What the
 * client got, what the authorizer was asked, and what was counted have to be the same.
 */
import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECK } from '../../src/proxy/filters/http/authorization-check.ts';
import { startGrpcService, type TestGrpcService } from '../../src/proxy/filters/http/test-grpc-service.ts';
import { any, type RbacPrincipal } from '../../src/xds/resources.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type Pair, type Side, startPair } from './harness.ts';
import { address } from './http-bootstrap.ts';

const binary = await envoyForTests();
const LIMIT_MS = 5000;

interface ConnectionCase {
  readonly name: string;
  readonly filters: readonly object[];
  /** What the authorizer says; a number is a failure with that status. */
  readonly said: object | number;
}

const yes = { status: { code: 0 } };
const no = { status: { code: 7 } };

const network = (name: string, message: string, fields: object) => ({
  name: `envoy.filters.network.${name}`,
  typed_config: any(`envoy.extensions.filters.network.${name}.v3.${message}`, fields),
});
const ask = (fields: object = {}) =>
  network('ext_authz', 'ExtAuthz', {
    stat_prefix: 'asked',
    transport_api_version: 'V3',
    grpc_service: { envoy_grpc: { cluster_name: 'authz' }, timeout: '4s' },
    ...fields,
  });
const rules = (fields: object) => network('rbac', 'RBAC', { stat_prefix: 'tcp.', ...fields });
const everybody = { any: true } as const;
const policy = (principal: RbacPrincipal) => ({
  policies: { 'ask-who': { permissions: [everybody], principals: [principal] } },
});
const elsewhere = { direct_remote_ip: { address_prefix: '203.0.113.0', prefix_len: 24 } };
const trial = (principal: RbacPrincipal) =>
  rules({ shadow_rules_stat_prefix: 'trial_', shadow_rules: { action: 'DENY', ...policy(principal) } });
const whereNamed = {
  filter_enabled_metadata: {
    filter: 'envoy.filters.network.rbac',
    path: [{ key: 'trial_shadow_effective_policy_id' }],
    value: { string_match: { prefix: 'ask-' } },
  },
};

const cases: readonly ConnectionCase[] = [
  { name: 'yes', filters: [ask()], said: yes },
  { name: 'no', filters: [ask()], said: no },
  { name: 'a failure', filters: [ask()], said: 13 },
  { name: 'a failure that is allowed', filters: [ask({ failure_mode_allow: true })], said: 13 },
  { name: 'asked where rules on trial say so', filters: [trial(everybody), ask(whereNamed)], said: no },
  { name: 'not asked elsewhere', filters: [trial(elsewhere), ask(whereNamed)], said: no },
  { name: 'nobody to ask', filters: [ask({ grpc_service: grpcTo('none') })], said: yes },
  { name: 'two authorizers', filters: [ask(), ask({ stat_prefix: 'second' })], said: yes },
  {
    name: 'rules before: denied, nobody asked',
    filters: [rules({ rules: { action: 'DENY', ...policy(everybody) } }), ask()],
    said: yes,
  },
  {
    name: 'rules behind: asked, then denied',
    filters: [ask(), rules({ rules: { action: 'ALLOW', ...policy(elsewhere) } })],
    said: yes,
  },
  {
    name: 'rules that only log',
    filters: [rules({ rules: { action: 'LOG', ...policy(everybody) } })],
    said: yes,
  },
];

function grpcTo(cluster_name: string): object {
  return { envoy_grpc: { cluster_name }, timeout: '4s' };
}

const cluster = (name: string, ports: readonly number[], more: object = {}) => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
  },
  ...more,
});
const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};

/** What comes back of bytes that are sent, up to the end that either side makes. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const done = (how: string) => () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text + how);
    };
    const timer = setTimeout(done('<no end>'), LIMIT_MS);
    socket.on('data', (data) => {
      text += data.toString();
      if (text === `seen ${bytes}`) done('')();
    });
    socket.on('close', done('<closed>')).on('error', done('<closed>'));
    socket.write(bytes);
  });
}

describe.skipIf(binary === undefined)('connections are judged as by Envoy', () => {
  let pair: Pair;
  let service: TestGrpcService<object>;
  let upstream: Server;
  let said: object | number = yes;
  beforeAll(async () => {
    service = await startGrpcService<object>(CHECK, () => said);
    upstream = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', (bytes) => socket.write(`seen ${bytes}`));
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const { port } = upstream.address() as { port: number };
    pair = (await startPair(
      ({ admin, listeners }) => ({
        node: { id: 'node', cluster: 'test' },
        admin: { address: address(admin) },
        static_resources: {
          clusters: [
            cluster('c', [port]),
            cluster('none', [], HTTP2),
            cluster('authz', [service.port], HTTP2),
          ],
          listeners: cases.map(({ filters }, i) => ({
            name: `case-${i}`,
            address: address(listeners[i] as number),
            filter_chains: [
              { filters: [...filters, network('tcp_proxy', 'TcpProxy', { stat_prefix: 'c', cluster: 'c' })] },
            ],
          })),
        },
      }),
      cases.length,
      0,
    )) as Pair;
  });
  afterAll(async () => {
    await pair?.stop();
    service?.close();
    upstream?.close();
  });

  async function run(side: Side, index: number) {
    const before = service.asked.length;
    said = (cases[index] as ConnectionCase).said;
    const got = await exchange(side.ports.listeners[index] as number, 'hello');
    const asked = service.asked.slice(before).map((question) =>
      // The ports are the proxies' own.
      JSON.stringify(question).replace(/"port_value":\d+/g, '"port_value":0'),
    );
    return { got, asked };
  }

  it.each(cases.map(({ name }, index) => ({ name, index })))('$name', async ({ index }) => {
    const envoy = await run(pair.envoy, index);
    expect(await run(pair.weft, index)).toEqual(envoy);
  });

  it('and counted as by Envoy', async () => {
    const counted = async (side: Side) =>
      (await side.admin('/stats'))
        .split('\n')
        // Envoy counts connections that nobody is asked about with every piece of their bytes.
        .map((line) => line.replace(/(disabled): [1-9]\d*/, '$1: some'))
        .filter((line) => /^(ext_authz|tcp\.rbac)\./.test(line) && !/: 0$|logged/.test(line))
        .sort();
    expect(await counted(pair.weft)).toEqual(await counted(pair.envoy));
    expect(await counted(pair.weft)).not.toEqual([]);
  });
});
