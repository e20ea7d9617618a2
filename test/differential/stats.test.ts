import { afterAll, expect, it } from 'vitest';
import { type Case, type Pair, run, type Side, startPair } from './harness.ts';
import { httpBootstrap } from './http-bootstrap.ts';

let pair: Pair | undefined;
afterAll(() => pair?.stop());

/**
 * What Envoy counts and this proxy does not, or not alike. Everything else that Envoy's /stats shows other than zero must
 * be here with the same value.
 */
const EXCEPTIONS: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^(?:runtime|thread_local_cluster_manager|dns|main_thread|workers)\./, 'of the program itself'],
  [
    /^server\.(?:memory|days|stats|version|wip|hot_restart_generation|uptime|seconds)/,
    'differs by its nature',
  ],
  [/^(?:http|listener)\.admin\./, 'of the admin port, which is served by other code here'],
  [/^listener\..*\.worker_\d+\./, 'connections of one worker'],
  [/^listener\..*\.http\./, 'answers are counted by connection manager, not by listener too'],
  [
    /_cx_(?:rx|tx)_bytes_(?:total|buffered)$/,
    'which connections are still open, and the case of our own headers',
  ],
  [
    /\.upstream_cx_(?:total|http1_total|active|destroy.*)$/,
    'a connection whose answer is tried again is not kept here',
  ],
  [/\.upstream_rq_pending_total$/, 'as many as connections'],
  [/\.downstream_cx_destroy_(?:local|remote)/, 'who ended a connection is not told apart'],
  [
    /\.downstream_cx_delayed_close_timeout$/,
    'connections are read on after their last answer, and no client keeps them open',
  ],
  [/\.downstream_rq_response_before_rq_complete$/, 'not counted'],
  [/\.default\.total_match_count$/, 'of transport socket matches, which are not counted'],
];

const OK = { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' };
const BAD = { bytes: 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n' };

function get(path: string, answers: Case['answers']): Case {
  return { pieces: [`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`], methods: ['GET'], answers };
}

const cases: readonly Case[] = [
  get('/plain', [OK]),
  get('/second-try', [BAD, OK]),
  get('/no-luck', [BAD, BAD]),
  get('/direct', []),
  get('/moved', []),
  get('/nowhere', []),
  { pieces: ['BROKEN\r\n\r\n'], methods: ['GET'], answers: [] },
  {
    pieces: ['POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc'],
    methods: ['POST'],
    answers: [OK],
  },
];

it('after the same requests, what Envoy counted is here under the same names', async (test) => {
  pair = await startPair(bootstrap);
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  for (const one of cases) {
    await run(pair.envoy, 0, one);
    await run(pair.weft, 0, one);
  }
  const [theirs, ours] = await Promise.all([numbers(pair.envoy), numbers(pair.weft)]);
  const wanted = [...theirs].filter(
    ([name, value]) => value !== 0 && !EXCEPTIONS.some(([pattern]) => pattern.test(name)),
  );
  expect(wanted.length).toBeGreaterThan(30);
  expect(wanted.map(([name]) => [name, ours.get(name)])).toEqual(wanted);
  const time = 'filter=lane.downstream_rq_time$';
  for (const query of [
    time,
    `${time}&histogram_buckets=cumulative`,
    `${time}&histogram_buckets=disjoint`,
    `${time}&format=json`,
    `${time}&format=json&histogram_buckets=cumulative`,
    'filter=lane-0.upstream_rq_(200|503)&format=json',
  ]) {
    const [their, our] = await Promise.all([pair.envoy, pair.weft].map((s) => s.admin(`/stats?${query}`)));
    expect(shapeOf(our ?? ''), query).toBe(shapeOf(their ?? ''));
  }
  const tagged =
    /^envoy_(?:listener_downstream_cx_total|cluster_upstream_rq|cluster_manager_active_clusters)\{.*/gm;
  const [theirTags, ourTags] = await Promise.all(
    [pair.envoy, pair.weft].map(async (side) =>
      [...(await side.admin('/stats/prometheus')).matchAll(tagged)]
        .map(([line]) => line.replace(/_1\d{4}"|_2\d{4}"/, '"'))
        .filter((line) => !line.includes('admin'))
        .sort(),
    ),
  );
  expect(ourTags).toEqual(theirTags);
}, 60_000);

function bootstrap(ports: Parameters<ReturnType<typeof httpBootstrap>>[0]): object {
  const retry_policy = { retry_on: '5xx', num_retries: 1, retry_back_off: { base_interval: '0.001s' } };
  const made = httpBootstrap({ route: { retry_policy } })(ports) as ReturnType<typeof JSON.parse>;
  made.stats_flush_on_admin = true;
  const { route_config } = made.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  route_config.validate_clusters = false;
  route_config.virtual_hosts[0].routes.unshift(
    { match: { path: '/direct' }, direct_response: { status: 403 } },
    { match: { path: '/moved' }, redirect: { host_redirect: 'x' } },
    { match: { path: '/nowhere' }, route: { cluster: 'none' } },
  );
  return made;
}

/** Counters and gauges by name. */
async function numbers(side: Side): Promise<Map<string, number>> {
  const found = (await side.admin('/stats')).matchAll(/^(.+): (-?\d+)$/gm);
  const withoutPort = (name: string): string => name.replace(/^(listener\.127\.0\.0\.1)_\d+/, '$1');
  return new Map([...found].map(([, name = '', value]) => [withoutPort(name), Number(value)]));
}

/** Which values there are, not what they are. */
function shapeOf(text: string): string {
  return text.replaceAll(/(?:nan|null|\b\d+(?:\.\d+)?(?:e\+\d+)?)(?=[\],)}\s])/g, 'N').replaceAll(/\s+/g, '');
}
