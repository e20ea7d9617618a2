import { Deadline } from '../../lib/deadlines.ts';
import type { Discovery } from './cluster-config.ts';
import type { Endpoint, Placement } from './endpoint.ts';
import { addressText, type EndpointAddress, type LocalityEndpoints } from './endpoint-set.ts';
import type { UpstreamEnvironment } from './environment.ts';

// Endpoints of an ORIGINAL_DST cluster: wherever clients wanted to go, made when somebody goes there.

/** Most destinations remembered at once; a client that scans addresses makes one each. Past it the idle ones go first. */
const MAX_DESTINATIONS = 4096;
/** Destinations that nobody uses are forgotten this often (Envoy's cleanup_interval). */
const CLEANUP_MS = 5000;

/** A locality of priority 0 without a name, and nobody in it. */
export const NOWHERE: LocalityEndpoints = {
  region: '',
  zone: '',
  subZone: '',
  priority: 0,
  weight: undefined,
  endpoints: [],
};

/** Where a connection was headed. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** What is looked at of a pick's context. */
interface Asked {
  readonly destination: Destination | undefined;
  header(name: string): string | undefined;
  metadata?(namespace: string): { readonly [key: string]: unknown } | undefined;
}

type Config = Extract<Discovery, { kind: 'original-destination' }>;

export class DestinationEndpoints {
  readonly #config: Config;
  readonly #environment: UpstreamEnvironment;
  readonly #make: (placement: Placement) => Endpoint;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #cleanup: Deadline;

  constructor(config: Config, environment: UpstreamEnvironment, make: (placement: Placement) => Endpoint) {
    this.#config = config;
    this.#environment = environment;
    this.#make = make;
    this.#cleanup = new Deadline(() => this.#forgetIdle());
  }

  all(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  pick(context: Asked): Endpoint | undefined {
    const { headerName, portOverride } = this.#config;
    const destination =
      this.#fromMetadata(context) ??
      (headerName === undefined ? undefined : parseDestination(context.header(headerName))) ??
      context.destination;
    if (destination === undefined || destination.address === '') return undefined;
    return this.#endpointAt({
      kind: 'ip',
      host: destination.address,
      port: portOverride ?? destination.port,
    });
  }

  #fromMetadata(context: Asked): Destination | undefined {
    const { metadataKey } = this.#config;
    if (metadataKey === undefined) return undefined;
    let value: unknown = context.metadata?.(metadataKey.namespace);
    for (const name of metadataKey.path)
      value =
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    return typeof value === 'string' ? parseDestination(value) : undefined;
  }

  stop(): void {
    this.#environment.deadlines.clear(this.#cleanup);
  }

  #endpointAt(address: EndpointAddress): Endpoint | undefined {
    const key = addressText(address);
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    if (this.#endpoints.size >= MAX_DESTINATIONS) this.#forgetIdle();
    if (this.#endpoints.size >= MAX_DESTINATIONS) return undefined;
    const spec = {
      address,
      hostname: '',
      weight: 1,
      health: 'healthy',
      metadata: {},
      check: undefined,
      logicalName: undefined,
    } as const;
    const made = this.#make({ spec, locality: NOWHERE });
    this.#endpoints.set(key, made);
    if (!this.#cleanup.pending) this.#environment.deadlines.set(this.#cleanup, CLEANUP_MS);
    return made;
  }

  #forgetIdle(): void {
    for (const [key, endpoint] of this.#endpoints) if (endpoint.unused) this.#endpoints.delete(key);
    if (this.#endpoints.size > 0) this.#environment.deadlines.set(this.#cleanup, CLEANUP_MS);
  }
}

/** `10.0.0.1:80` or `[::1]:80`; anything else is none. */
function parseDestination(text: string | undefined): Destination | undefined {
  const [, address, port] = /^\[?([0-9a-fA-F:.]+)\]?:(\d{1,5})$/.exec(text ?? '') ?? [];
  return address === undefined ? undefined : { address, port: Number(port) };
}
