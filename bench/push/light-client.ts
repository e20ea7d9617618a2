import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { GrpcClient, GrpcStream } from '../../src/wire/grpc/client.ts';
import { DELTA_ADS_PATH, encodeDeltaRequest, WILDCARD } from '../../src/xds/delta-messages.ts';
import type { Node } from '../../src/xds/resources.ts';
import { typeUrls } from '../../src/xds/resources.ts';

// A proxy as far as the control plane can tell: it asks for what an Envoy asks for, in Envoy's order, and accepts
// everything at once. It looks at names only and decodes no resource, so that the load costs little.

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

/** What is asked for beside clusters and listeners. */
export interface LightClientOptions {
  readonly node: Node;
  /** Route configurations that the listeners name. */
  readonly routes: readonly string[];
}

/** A client that has asked for everything. */
export function openLightClient(client: GrpcClient, options: LightClientOptions): ClientTally {
  return new LightClient(client, options).tally;
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
  readonly #stream: GrpcStream;
  /** Clusters whose endpoints it asked for. */
  #asked = new Uint8Array(0);
  #hasListeners = false;

  constructor(client: GrpcClient, { node, routes }: LightClientOptions) {
    this.#routes = routes;
    this.#stream = client.stream(DELTA_ADS_PATH, {
      onMessage: (message) => this.#receive(message),
      onEnd: ({ code, message }) => {
        this.tally.ended = `${code} ${message}`;
      },
    });
    this.#ask(typeUrls.cluster, [WILDCARD], [], { node });
  }

  #receive(message: Uint8Array): void {
    const { typeUrl, nonce, added, removed } = outlineOf(message);
    const { tally } = this;
    this.#stream.send(requestOf({ typeUrl, nonce }));
    tally.lastAckNs = process.hrtime.bigint();
    tally.responses++;
    tally.sinceMark++;
    tally.bytes += message.length;
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
    this.#stream.send(requestOf({ typeUrl, subscribe, unsubscribe, ...also }));
  }
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

/** What a response is about. Names of resources are read of clusters only. */
interface Outline {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** The fields of a DeltaDiscoveryResponse without what is in its resources. */
function outlineOf(message: Uint8Array): Outline {
  const reader = new BinaryReader(message);
  const one = { typeUrl: '', nonce: '' };
  const resources: Uint8Array[] = [];
  const removed: string[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited && field === 2) resources.push(reader.bytes());
    else if (wireType === WireType.LengthDelimited && field === 4) one.typeUrl = reader.string();
    else if (wireType === WireType.LengthDelimited && field === 5) one.nonce = reader.string();
    else if (wireType === WireType.LengthDelimited && field === 6) removed.push(reader.string());
    else reader.skip(wireType, field);
  }
  return { ...one, removed, added: one.typeUrl === typeUrls.cluster ? resources.map(nameOf) : [] };
}

/** Field 3 of envoy.service.discovery.v3.Resource. */
function nameOf(resource: Uint8Array): string {
  const reader = new BinaryReader(resource);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 3) return reader.string();
    reader.skip(wireType, field);
  }
  return '';
}
