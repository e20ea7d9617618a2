import { isIP } from 'node:net';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { DnsDiscovery } from './cluster-config.ts';
import { addressText, type EndpointSet, type EndpointSpec } from './endpoint-set.ts';
import type { ResolveName } from './resolve-name.ts';

/** Sooner than this nothing is asked again, whatever the time to live says. */
const MIN_REFRESH_MS = 1000;

/**
 * Keeps the endpoints of a DNS cluster: asks for every name, hands on what came, asks again. A name that cannot be
 * resolved keeps its last addresses; the cluster counts as initialised after the first answer, good or bad.
 */
export class DnsEndpoints {
  readonly #discovery: DnsDiscovery;
  readonly #resolve: ResolveName;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onEndpoints: (set: EndpointSet) => void;
  readonly #onFailure: (message: string) => void;
  readonly #last = new Map<string, readonly string[]>();
  #timer: Timer | undefined;
  #stopped = false;
  /** In a row. */
  #failures = 0;
  #before = '';

  constructor(
    discovery: DnsDiscovery,
    environment: { readonly clock: Clock; readonly random: Random; readonly resolveName: ResolveName },
    onEndpoints: (set: EndpointSet) => void,
    onFailure: (message: string) => void,
  ) {
    this.#discovery = discovery;
    this.#resolve = environment.resolveName;
    this.#clock = environment.clock;
    this.#random = environment.random;
    this.#onEndpoints = onEndpoints;
    this.#onFailure = onFailure;
    void this.#refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #refresh(): Promise<void> {
    const { endpoints, refreshMs, respectTtl } = this.#discovery;
    const names = new Set(endpoints.localities.flatMap((locality) => locality.endpoints.flatMap(nameOf)));
    const ttls = await Promise.all([...names].map((name) => this.#ask(name)));
    if (this.#stopped) return;
    const set = this.#resolved();
    const now = JSON.stringify(set);
    if (now !== this.#before) this.#onEndpoints(set);
    this.#before = now;
    if (names.size === 0) return;
    const told = ttls.filter((ttl) => typeof ttl === 'number');
    const waitMs = ttls.includes('failed')
      ? this.#afterFailureMs()
      : respectTtl && told.length > 0
        ? Math.max(MIN_REFRESH_MS, Math.min(...told))
        : Math.max(MIN_REFRESH_MS, refreshMs);
    this.#timer = this.#clock.setTimeout(() => void this.#refresh(), waitMs);
  }

  /** At random, from a range that doubles with each failure in a row. */
  #afterFailureMs(): number {
    const { failureRefresh, refreshMs } = this.#discovery;
    if (failureRefresh === undefined) return Math.max(MIN_REFRESH_MS, refreshMs);
    const { baseMs, maxMs } = failureRefresh;
    const rangeMs = Math.min(maxMs, baseMs * 2 ** Math.min(30, this.#failures));
    return Math.max(1, Math.floor(this.#random.next() * rangeMs));
  }

  async #ask(name: string): Promise<number | 'failed' | undefined> {
    const answer = await this.#resolve(name, this.#discovery.family);
    if (!answer.ok) {
      this.#onFailure(answer.message);
      this.#failures++;
      return 'failed';
    }
    this.#failures = 0;
    // Answers come in another order each time: that is no change.
    this.#last.set(name, this.#discovery.use === 'every' ? answer.addresses.toSorted() : answer.addresses);
    return answer.ttlMs;
  }

  #resolved(): EndpointSet {
    const { endpoints, use } = this.#discovery;
    const expand = (spec: EndpointSpec): readonly EndpointSpec[] => {
      const [name] = nameOf(spec);
      const { address } = spec;
      if (name === undefined || address.kind !== 'ip') return [spec];
      const addresses = this.#last.get(name) ?? [];
      return (use === 'every' ? addresses : addresses.slice(0, 1)).map((host) => ({
        ...spec,
        address: { ...address, host },
        hostname: spec.hostname || name,
        logicalName: use === 'every' ? undefined : addressText(address),
      }));
    };
    const localities = endpoints.localities.map((locality) => ({
      ...locality,
      endpoints: locality.endpoints.flatMap(expand),
    }));
    return { ...endpoints, localities };
  }
}

/** The name that must be resolved, if it is none of an address. */
function nameOf({ address }: EndpointSpec): readonly string[] {
  return address.kind === 'ip' && isIP(address.host) === 0 ? [address.host] : [];
}
