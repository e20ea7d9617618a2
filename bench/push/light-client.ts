import { DELTA_ADS_PATH, encodeDeltaRequest, WILDCARD } from '../../src/xds/delta-messages.ts';
import type { Node } from '../../src/xds/resources.ts';
import { typeUrls } from '../../src/xds/resources.ts';
import { LightConnection } from './light-connection.ts';
import { type Outline, OutlineReader } from './response-outline.ts';

// A proxy as far as the control plane can tell: it asks for what an Envoy asks for, in Envoy's order, and accepts
// everything at once. It looks at names of clusters only and decodes no resource, so that the load costs little.

/** What a client counts. */
export interface ClientTally {
  /** Responses so far. */
  responses: number;
  bytes: number;
  /** Responses since the last mark, and when the last one was answered (process.hrtime, ns); 0n: none. */
  sinceMark: number;
  lastAckNs: bigint;
  readonly types: Set<string>;
  /** Why its stream is over; it should not be. */
  ended: string | undefined;
}

/** Where to, and what is asked for beside clusters and listeners. */
export interface LightClientOptions {
  /** Of this machine, without TLS. */
  readonly port: number;
  readonly node: Node;
  /** Route configurations that the listeners name. */
  readonly routes: readonly string[];
}

/** A client that has asked for everything. */
export function openLightClient(options: LightClientOptions): ClientTally {
  return new LightClient(options).tally;
}

/** Names of clusters, by place, shared by all clients: each remembers but a bit for each. */
const places = new Map<string, number>();

class LightClient {
  readonly tally: ClientTally = {
    responses: 0,
    bytes: 0,
    sinceMark: 0,
    lastAckNs: 0n,
    types: new Set(),
    ended: undefined,
  };
  readonly #routes: readonly string[];
  readonly #connection: LightConnection;
  /** Clusters whose endpoints it asked for. */
  #asked = new Uint8Array(0);
  #hasListeners = false;

  constructor({ port, node, routes }: LightClientOptions) {
    this.#routes = routes;
    const reader = new OutlineReader(isCluster, (outline) => this.#receive(outline));
    this.#connection = new LightConnection(port, DELTA_ADS_PATH, {
      onData: (bytes, start, end) => reader.read(bytes, start, end),
      onEnd: (reason) => {
        this.tally.ended ??= reason;
      },
    });
    this.#ask(typeUrls.cluster, [WILDCARD], [], { node });
  }

  #receive({ bytes, typeUrl, nonce, added, removed }: Outline): void {
    const { tally } = this;
    this.#connection.send(requestOf({ typeUrl, nonce }));
    tally.lastAckNs = process.hrtime.bigint();
    tally.responses++;
    tally.sinceMark++;
    tally.bytes += bytes;
    tally.types.add(typeUrl);
    if (typeUrl === typeUrls.cluster) this.#askForEndpoints(added, removed);
    else if (typeUrl === typeUrls.endpoint && !this.#hasListeners) {
      this.#hasListeners = true;
      this.#ask(typeUrls.listener, [WILDCARD], []);
    } else if (typeUrl === typeUrls.listener && !tally.types.has(typeUrls.route))
      this.#ask(typeUrls.route, this.#routes, []);
  }

  #askForEndpoints(added: readonly string[], removed: readonly string[]): void {
    const fresh = added.filter((name) => name.startsWith('outbound|') && this.#mark(name, 1));
    const gone = removed.filter((name) => name.startsWith('outbound|') && this.#mark(name, 0));
    if (fresh.length + gone.length > 0) this.#ask(typeUrls.endpoint, fresh, gone);
  }

  /** Whether that was otherwise before. */
  #mark(name: string, asked: 0 | 1): boolean {
    let place = places.get(name);
    if (place === undefined) places.set(name, (place = places.size));
    if (place >= this.#asked.length) {
      const larger = new Uint8Array(Math.max(places.size, 2 * this.#asked.length));
      larger.set(this.#asked);
      this.#asked = larger;
    }
    if (this.#asked[place] === asked) return false;
    this.#asked[place] = asked;
    return true;
  }

  #ask(
    typeUrl: string,
    subscribe: readonly string[],
    unsubscribe: readonly string[],
    also: { readonly node?: Node } = {},
  ): void {
    this.#connection.send(requestOf({ typeUrl, subscribe, unsubscribe, ...also }));
  }
}

function isCluster(resourceHead: string): boolean {
  return resourceHead.includes(typeUrls.cluster);
}

function requestOf(fields: Partial<Parameters<typeof encodeDeltaRequest>[0]> & { typeUrl: string }) {
  return encodeDeltaRequest({
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(),
    nonce: '',
    ...fields,
  });
}
