/** One proxy in a simulated network, and the schedules that are played in it one after the other. */
import { manualClock } from '../../src/lib/manual-clock.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import {
  closeAll,
  routesOf,
  startTestProxy,
  staticCluster,
  type TestProxy,
} from '../../src/proxy/test-proxy.ts';
import { any } from '../../src/xds/resources.ts';
import { Client, SURPLUS, Upstream } from './actors.ts';
import { SimNetwork } from './sim-network.ts';

const MAX_STEPS = 20_000;
const HOUR_MS = 3_600_000;
const FORMAT = { text_format_source: { inline_string: '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS%\n' } };

/** What happened in a world: shows that its schedules are worth something. */
export interface Totals {
  readonly requests: number;
  /** With 200. */
  readonly answered: number;
  readonly clientResets: number;
  readonly retries: number;
  readonly timeouts: number;
  readonly upstreamConnections: number;
}

export class World {
  readonly #random: Random;
  readonly #net: SimNetwork;
  readonly #clock = manualClock(1e12);
  readonly #upstreams = new Set<Upstream>();
  readonly #problems: string[] = [];
  #proxy!: TestProxy;
  #logged = 0;
  #version = 0;

  private constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#net = new SimNetwork(this.#random);
    this.#net.uncut = SURPLUS;
    this.#net.onDial = (connection) => {
      if (this.#random.below(12) === 0) return false;
      const upstream = new Upstream(connection, this.#random, this.#problems);
      this.#upstreams.add(upstream);
      return true;
    };
  }

  static async start(seed: number): Promise<World> {
    const world = new World(seed);
    const log = { write: () => void world.#logged++, droppedEntries: 0 };
    world.#proxy = await startTestProxy({
      clock: world.#clock,
      network: world.#net,
      logs: { open: () => log, reopen() {}, flush: async () => {} },
      clusters: [world.#cluster()],
      routes: world.#routes(),
      manager: {
        stream_idle_timeout: '3s',
        request_headers_timeout: '4s',
        common_http_protocol_options: { idle_timeout: '60s' },
        access_log: [
          {
            name: 'log',
            typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
              path: 'log',
              log_format: FORMAT,
            }),
          },
        ],
      },
    });
    return world;
  }

  /** Plays one schedule to its end and checks what must hold then. */
  async play(): Promise<void> {
    const random = this.#random;
    const clients = Array.from(
      { length: 1 + random.below(3) },
      () => new Client(this.#net.dialProxy(), random),
    );
    const actors: { act(random: Random): boolean }[] = [...clients];
    let idle = 0;
    for (let step = 0; step < 400 && idle < 12; step++) {
      const busy = this.#turn([...actors, ...this.#upstreams]);
      idle = busy ? 0 : idle + 1;
      await settle();
    }
    for (const upstream of this.#upstreams) upstream.settle();
    await this.#quiet();
    for (const client of clients) client.leave();
    // A proxy that does not read at the moment hears of a client's end by its own time limits.
    for (let i = 0; i < 4; i++) {
      await this.#quiet();
      this.#clock.advance(2000);
    }
    await this.#quiet();
    for (const client of clients) client.verify();
    this.#check();
    for (const upstream of this.#upstreams) if (upstream.connection.closed) this.#upstreams.delete(upstream);
  }

  /** Hours pass: whatever is still held then is a leak. */
  async end(): Promise<Totals> {
    const totals = this.#totals();
    for (let i = 0; i < 4; i++) {
      this.#clock.advance(HOUR_MS);
      await this.#quiet();
    }
    const open = this.#net.openOn('upstream') + this.#net.openOn('downstream');
    if (open > 0) throw new Error(`${open} connections are open after hours`);
    const { upstream_cx_active } = this.#proxy.metrics.cluster('up');
    if (upstream_cx_active !== 0)
      throw new Error(`${upstream_cx_active} connections are counted after hours`);
    if (this.#clock.pending() > 0) throw new Error(`${this.#clock.pending()} timers are pending after hours`);
    closeAll();
    return totals;
  }

  #totals(): Totals {
    const http = this.#proxy.metrics.http('test');
    const up = this.#proxy.metrics.cluster('up');
    return {
      requests: http.downstream_rq_total,
      answered: http.statuses.byStatus().get(200) ?? 0,
      clientResets: http.downstream_rq_rx_reset,
      retries: up.upstream_rq_retry,
      timeouts: up.upstream_rq_timeout + up.upstream_rq_per_try_timeout,
      upstreamConnections: up.upstream_cx_total,
    };
  }

  #turn(actors: readonly { act(random: Random): boolean }[]): boolean {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 3) this.#clock.advance(random.below(1500));
    else if (dice < 4) this.#change();
    else if (dice < 40 && actors.length > 0)
      return (actors[random.below(actors.length)] as (typeof actors)[number]).act(random) || this.#net.step();
    else return this.#net.step();
    return true;
  }

  #change(): void {
    this.#version++;
    if (this.#random.below(2) === 0) this.#proxy.setRoutes(this.#routes());
    else this.#proxy.setClusters([this.#cluster()]);
  }

  #routes() {
    return routesOf({
      match: { prefix: '/' },
      route: {
        cluster: 'up',
        timeout: this.#version % 3 === 0 ? '2s' : '0.5s',
        retry_policy: {
          retry_on: '5xx,reset,connect-failure',
          num_retries: this.#version % 3,
          per_try_timeout: '0.4s',
        },
      },
    });
  }

  #cluster() {
    const ports = [[7001], [7001, 7002], [7002, 7003]][this.#version % 3] as number[];
    return staticCluster('up', ports, this.#version % 2 === 0 ? {} : { max_requests_per_connection: 2 });
  }

  /** Until nothing is on its way. */
  async #quiet(): Promise<void> {
    for (let step = 0; step < MAX_STEPS; step++) {
      await settle();
      for (const upstream of this.#upstreams) upstream.settle();
      if (this.#net.step()) continue;
      await settle();
      if (!this.#net.step()) return;
    }
    throw new Error('the network does not fall silent');
  }

  #check(): void {
    const http = this.#proxy.metrics.http('test');
    const up = this.#proxy.metrics.cluster('up');
    const gauges = {
      downstream_rq_active: http.downstream_rq_active,
      downstream_cx_active: http.downstream_cx_active,
      upstream_rq_active: up.upstream_rq_active,
      upstream_rq_pending_active: up.upstream_rq_pending_active,
      retries: this.#proxy.clusters.get('up')?.breakers.default.retries ?? 0,
      openConnections: this.#proxy.openConnections(),
    };
    for (const [name, value] of Object.entries(gauges))
      if (value !== 0) this.#problems.push(`${name} is ${value}`);
    if (this.#logged !== http.downstream_rq_total)
      this.#problems.push(`${http.downstream_rq_total} requests, ${this.#logged} lines in the access log`);
    const open = this.#net.openOn('upstream');
    if (up.upstream_cx_active !== open)
      this.#problems.push(`${up.upstream_cx_active} counted, ${open} open upstream`);
    if (this.#problems.length > 0) throw new Error(this.#problems.join('; '));
  }
}

/** Lets promises that are due go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await undefined;
}
