import { isIP } from 'node:net';
import { Deadline } from '../../lib/deadlines.ts';
import { hostPort } from '../../lib/host-port.ts';
import type { DynamicDiscovery } from './cluster-config.ts';
import type { Endpoint, Placement } from './endpoint.ts';
import type { EndpointSource } from './endpoint-source.ts';
import type { UpstreamEnvironment } from './environment.ts';
import { parseAuthority } from './parse-authority.ts';
import type { PickContext } from './pick-context.ts';
import type { ResolveName } from './resolve-name.ts';

// Endpoints of a dynamic forward proxy: the hosts that requests name. The HTTP filter dynamic_forward_proxy asks for a
// host before the router picks; a host nobody asked for is not there.

const NOWHERE = { region: '', zone: '', subZone: '', priority: 0, weight: undefined, endpoints: [] } as const;
/** Most hosts that are being resolved for the first time at once; Envoy's DnsCacheCircuitBreakers. */
const MAX_PENDING = 1024;

/** Undefined: it is there. Else why it cannot be. */
export type HostVerdict = undefined | 'failed' | 'overflow';

interface Host {
  readonly name: string;
  readonly port: number;
  address: string;
  endpoint: Endpoint | undefined;
  lastUsedMs: number;
}

export class DynamicEndpoints implements EndpointSource {
  readonly #config: DynamicDiscovery;
  readonly #defaultPort: number;
  readonly #resolve: ResolveName;
  readonly #environment: UpstreamEnvironment;
  readonly #make: (placement: Placement) => Endpoint;
  readonly #hosts = new Map<string, Host>();
  readonly #pending = new Map<string, Promise<HostVerdict>>();
  readonly #refresh: Deadline;

  constructor(
    config: DynamicDiscovery,
    defaultPort: number,
    resolve: ResolveName,
    environment: UpstreamEnvironment,
    make: (placement: Placement) => Endpoint,
  ) {
    this.#config = config;
    this.#defaultPort = defaultPort;
    this.#resolve = resolve;
    this.#environment = environment;
    this.#make = make;
    this.#refresh = new Deadline(() => void this.#refreshAll());
  }

  all(): readonly Endpoint[] {
    return [...this.#hosts.values()].flatMap(({ endpoint }) => endpoint ?? []);
  }

  /** Makes the host of an authority pickable: at once, or when the promise resolves. */
  prepare(authority: string): HostVerdict | Promise<HostVerdict> {
    const { name, port } = parseAuthority(authority, this.#defaultPort);
    const key = hostPort(name, port);
    const known = this.#hosts.get(key);
    if (known?.endpoint !== undefined) return undefined;
    if (name === '') return 'failed';
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    if (this.#hosts.size >= this.#config.maxHosts || this.#pending.size >= MAX_PENDING) return 'overflow';
    const asked = this.#ask(key, name, port);
    this.#pending.set(key, asked);
    return asked;
  }

  pick(context: PickContext): Endpoint | undefined {
    const authority = context.header(':authority') ?? context.header('host') ?? '';
    const { name, port } = parseAuthority(authority, this.#defaultPort);
    const host = this.#hosts.get(hostPort(name, port));
    if (host === undefined) return undefined;
    host.lastUsedMs = this.#environment.clock.monotonicMs();
    return host.endpoint;
  }

  stop(): void {
    this.#environment.deadlines.clear(this.#refresh);
  }

  async #ask(key: string, name: string, port: number): Promise<HostVerdict> {
    const address = await this.#addressOf(name);
    this.#pending.delete(key);
    if (address === undefined) return 'failed';
    const host: Host = {
      name,
      port,
      address: '',
      endpoint: undefined,
      lastUsedMs: this.#environment.clock.monotonicMs(),
    };
    this.#hosts.set(key, host);
    this.#settle(host, address);
    if (!this.#refresh.pending) this.#environment.deadlines.set(this.#refresh, this.#config.refreshMs);
    return undefined;
  }

  async #addressOf(name: string): Promise<string | undefined> {
    if (isIP(name) !== 0) return name;
    const answer = await this.#resolve(name, this.#config.family);
    return answer.ok ? answer.addresses[0] : undefined;
  }

  /** The host has this address from now on. */
  #settle(host: Host, address: string): void {
    if (host.address === address) return;
    host.endpoint?.drain();
    host.address = address;
    host.endpoint = this.#make({
      spec: {
        address: { kind: 'ip', host: address, port: host.port },
        hostname: host.name,
        weight: 1,
        health: 'healthy',
        metadata: {},
        check: undefined,
        logicalName: undefined,
      },
      locality: NOWHERE,
    });
  }

  /** Hosts that nobody uses are forgotten, the others looked up again; a failure keeps the last address. */
  async #refreshAll(): Promise<void> {
    const nowMs = this.#environment.clock.monotonicMs();
    for (const [key, host] of this.#hosts)
      if (nowMs - host.lastUsedMs > this.#config.hostTtlMs) {
        host.endpoint?.drain();
        this.#hosts.delete(key);
      }
    if (this.#hosts.size > 0) this.#environment.deadlines.set(this.#refresh, this.#config.refreshMs);
    await Promise.all(
      [...this.#hosts].map(async ([key, host]) => {
        const address = await this.#addressOf(host.name);
        if (address !== undefined && this.#hosts.get(key) === host) this.#settle(host, address);
      }),
    );
  }
}
