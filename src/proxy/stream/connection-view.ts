import { hostPort } from '../../lib/host-port.ts';
import type { PeerFacts } from '../../xds/match/facts.ts';
import type { Json } from '../../xds/resources.ts';
import type { IstioPair } from '../observe/istio-metrics.ts';
import type { Downstream, PeerIdentity } from '../runtime.ts';

/** A client's connection as all its streams see it: addresses as texts, made once. */
export class ConnectionView {
  readonly downstream: Downstream;
  /** `10.0.0.1:80`, as access logs print it. */
  readonly localText: string;
  readonly remoteText: string;
  #principals: readonly string[] | undefined;
  /** What the caller's proxy said of itself. */
  introduction: string | undefined;
  /** Istio's series of inbound requests, for the cluster that the last request took. */
  pair: IstioPair | undefined;
  pairCluster = '';

  constructor(downstream: Downstream) {
    this.downstream = downstream;
    this.localText = hostPort(downstream.local.address, downstream.local.port);
    this.remoteText = hostPort(downstream.remote.address, downstream.remote.port);
  }

  /** As Envoy's rules ask: the URI name of the peer's certificate, or else its DNS names, or else its subject. */
  get principals(): readonly string[] {
    this.#principals ??= principalsOf(this.downstream.tls?.peer);
    return this.#principals;
  }
}

function principalsOf(peer: PeerIdentity | undefined): readonly string[] {
  if (peer === undefined) return [];
  if (peer.uri !== '') return [peer.uri];
  if (peer.dnsNames !== undefined && peer.dnsNames.length > 0) return peer.dnsNames;
  return peer.subject === '' ? [] : [peer.subject];
}

/** What matchers ask of a stream's connection; `remoteAddress` is the client as the stream's headers tell it. */
export class StreamPeer implements PeerFacts {
  remoteAddress: string;
  readonly #view: ConnectionView;
  #metadata: { readonly [filter: string]: { readonly [key: string]: Json } } | undefined;

  constructor(view: ConnectionView) {
    this.#view = view;
    this.remoteAddress = view.downstream.remote.address;
    this.#metadata = view.downstream.metadata;
  }

  get directRemoteAddress(): string {
    return this.#view.downstream.remote.address;
  }
  get destinationAddress(): string {
    return this.#view.downstream.local.address;
  }
  get destinationPort(): number {
    return this.#view.downstream.local.port;
  }
  get requestedServerName(): string {
    return this.#view.downstream.requestedServerName;
  }
  get principals(): readonly string[] {
    return this.#view.principals;
  }
  get validated(): boolean {
    return this.#view.downstream.tls?.validated === true;
  }
  get presented(): boolean {
    return this.#view.downstream.tls?.peer !== undefined;
  }

  get allMetadata(): PeerFacts['allMetadata'] {
    return this.#metadata;
  }

  metadata(filter: string): { readonly [key: string]: Json } | undefined {
    return this.#metadata?.[filter];
  }

  setMetadata(filter: string, fields: { readonly [key: string]: Json }): void {
    this.#metadata = { ...this.#metadata, [filter]: { ...this.#metadata?.[filter], ...fields } };
  }
}
