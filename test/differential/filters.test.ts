/**
 * Every HTTP filter against the real Envoy: one listener per configuration in one bootstrap that starts both, the same
 * requests to each; what reached the upstreams, what services were asked over gRPC, what came back with response code
 * details and flags, and the filters' own statistics have to be the same.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECK } from '../../src/proxy/filters/http/authorization-check.ts';
import { SHOULD_RATE_LIMIT } from '../../src/proxy/filters/http/ratelimit/service.ts';
import { startGrpcService, type TestGrpcService } from '../../src/proxy/filters/http/test-grpc-service.ts';
import type { Cluster } from '../../src/xds/resources.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type CasePair, type Observed, startCases, withoutWords } from './cases.ts';
import * as grpc from './filters/grpc-cases.ts';
import * as policy from './filters/policy-cases.ts';
import { sessionCases } from './filters/session-cases.ts';
import * as traffic from './filters/traffic-cases.ts';

const families = {
  ...policy,
  ...traffic,
  sessions: sessionCases,
  'authorization over gRPC': grpc.authorization,
  'counting over gRPC': grpc.counting,
};
const all = Object.values(families).flat();
const binary = await envoyForTests();
const FILTER_STATS =
  /^http\.case\.(rbac|fault|cors|jwt_authn|ext_authz|buffer|compressor)\.|http_local_rate_limit|^cluster\.\w+\.(ext_authz|ratelimit|grpc)\./;
/** Of work that weft does not do: it keeps no tokens, and fetches no keys here. */
const LEFT_OUT = /jwt_cache|jwks_fetch/;

/** Upstream requests and answer, line by line. */
function linesOf({ upstream, answer }: Observed): string[] {
  return [...upstream, answer].flatMap((text, i) => text.split('\n').map((line) => `${i} ${line}`));
}

/** What only Envoy has (-) and what only weft has (+). */
function differing(envoy: readonly string[], weft: readonly string[]): string[] {
  return [
    ...envoy.filter((line) => !weft.includes(line)).map((line) => `- ${line}`),
    ...weft.filter((line) => !envoy.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** A question as lines, without what no two proxies say alike: times, names of streams, ports. */
function questionLines(question: unknown): string[] {
  const text = JSON.stringify(question, null, 1);
  return text
    .split('\n')
    .filter((line) => !/"(time|id|port_value|x-request-id)":|^ *[{}[\]],?$/.test(line))
    .map((line) => line.replace(/,$/, ''));
}

/** The answer that a request asks the service for; a number is a failure. */
function decided(coded: string | undefined): object | number {
  const said = JSON.parse(Buffer.from(coded ?? 'e30=', 'base64').toString()) as { readonly fails?: number };
  return said.fails ?? said;
}

interface Check {
  readonly attributes: { readonly request: { readonly http: { readonly headers: Record<string, string> } } };
}
interface Counted {
  readonly descriptors: readonly {
    readonly entries: readonly { readonly key: string; readonly value: string }[];
  }[];
}

const cluster = (name: string, port_value: number): Cluster => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: name,
    endpoints: [
      { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value } } } }] },
    ],
  },
});

describe.skipIf(binary === undefined)('filters do as Envoy’s do', () => {
  let pair: CasePair;
  let authz: TestGrpcService<Check>;
  let limits: TestGrpcService<Counted>;
  beforeAll(async () => {
    authz = await startGrpcService(CHECK, ({ attributes }) =>
      decided(attributes.request.http.headers['x-decide']),
    );
    limits = await startGrpcService(SHOULD_RATE_LIMIT, ({ descriptors }) =>
      decided(descriptors.flatMap(({ entries }) => entries).find(({ key }) => key === 'decide')?.value),
    );
    pair = (await startCases(all, [
      cluster('authz', authz.port),
      cluster('limits', limits.port),
    ])) as CasePair;
  });
  afterAll(async () => {
    await pair?.stop();
    authz?.close();
    limits?.close();
  });

  /** What a proxy did with a request, and what it asked. */
  async function run(side: 'envoy' | 'weft', index: number, request: string) {
    const before = [authz.asked.length, limits.asked.length];
    const observed = await pair.run(side, index, request);
    const asked = [...authz.asked.slice(before[0]), ...limits.asked.slice(before[1])];
    return { observed, asked: asked.flatMap(questionLines) };
  }

  for (const [family, cases] of Object.entries(families))
    it(`in ${family}`, async () => {
      const differences: string[] = [];
      for (const one of cases)
        for (const request of one.requests) {
          const index = all.indexOf(one);
          const envoy = await run('envoy', index, request);
          const weft = await run('weft', index, request);
          const same = withoutWords({ envoy: envoy.observed, weft: weft.observed });
          const lines = [
            ...differing(linesOf(same.envoy), linesOf(same.weft)),
            ...differing(envoy.asked, weft.asked),
          ];
          if (lines.length > 0) differences.push([one.name, request, ...lines].join('\n'));
        }
      expect(differences).toEqual([]);
    });

  it('in what is counted', async () => {
    const counted = async (side: 'envoy' | 'weft'): Promise<string[]> =>
      (await pair.stats(side, FILTER_STATS))
        .filter((line) => !line.endsWith(': 0') && !LEFT_OUT.test(line))
        .sort();
    expect(await counted('weft')).toEqual(await counted('envoy'));
  });
});
