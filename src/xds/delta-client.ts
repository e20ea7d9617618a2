/**
 * The client end of delta ADS as a state machine: no sockets, no clock. Used by weft's proxy and by the agent.
 *
 * In: what the holder wants to know (`subscribe`, `unsubscribe`), that a stream opened or was lost, the responses that
 * arrive, and the holder's answer to each. Out: requests to send, in order (none while no stream is open), and updates
 * to judge. It remembers the version of every resource that was accepted, so that a new stream brings only what differs.
 * What never happens here: looking into a resource.
 */
import type { DeltaRequest, DeltaResource, DeltaResponse, ErrorDetail } from './delta-messages.ts';
import { WILDCARD } from './delta-messages.ts';
import type { Node } from './resources.ts';
import { typeRank } from './type-order.ts';

/** What one response asks of the holder. Answer each exactly once, in the order in which they came. */
export interface DeltaUpdate {
  readonly typeUrl: string;
  readonly systemVersion: string;
  /** New or changed resources, among those that are subscribed to now. */
  readonly resources: readonly DeltaResource[];
  /** Resources that are gone; also names that were subscribed to and do not exist. */
  readonly removed: readonly string[];
  readonly nonce: string;
  /** Which stream it came on: an answer after that stream is lost is remembered and not sent. */
  readonly stream: number;
}

/** The client end. Methods that return requests return what has to be sent on the open stream now. */
export interface DeltaClient {
  /** Wants these resources from now on; `['*']` is all of the type. Names that are wanted already are left out. */
  subscribe(typeUrl: string, names: readonly string[]): readonly DeltaRequest[];
  /** Wants these no longer: their versions are forgotten, and the holder drops them. */
  unsubscribe(typeUrl: string, names: readonly string[]): readonly DeltaRequest[];
  /** Has this resource from before (from disk): a new stream names its version. Call it before `open`. */
  restore(typeUrl: string, name: string, version: string): void;
  /** A stream has opened: all subscriptions with the versions held, clusters first. */
  open(): readonly DeltaRequest[];
  /** The stream is lost. Subscriptions and versions stay. */
  lost(): void;
  /** A response arrived. Undefined where no stream is open or the type was never subscribed to: nothing to answer then. */
  receive(response: DeltaResponse): DeltaUpdate | undefined;
  /** All of the update is in use: ACK. */
  accept(update: DeltaUpdate): readonly DeltaRequest[];
  /**
   * The update, or the resources of it named by `refused`, cannot be used: NACK with a reason. What is not named counts as
   * in use; for what is, the version held before stays. Without `refused` none of the update is in use.
   */
  reject(update: DeltaUpdate, reason: string, refused?: readonly string[]): readonly DeltaRequest[];
  /** Version of each resource in use. */
  versions(typeUrl: string): ReadonlyMap<string, string>;
  /** Names that are wanted, `*` among them. */
  subscriptions(typeUrl: string): ReadonlySet<string>;
}

/** Longest reason of a NACK that is sent, in characters. */
const MAX_REASON_LENGTH = 4096;
/** google.rpc.Code.INVALID_ARGUMENT, what xDS clients send with a NACK. */
const INVALID_ARGUMENT = 3;

interface TypeState {
  readonly wanted: Set<string>;
  readonly versions: Map<string, string>;
  /** Updates that the holder has not answered yet, of any stream. */
  readonly unanswered: Set<DeltaUpdate>;
  /** A request of this type went out on the open stream. */
  started: boolean;
}

/** A client end for a proxy that says it is `node`. Nothing is wanted and no stream is open. */
export function createDeltaClient(node: Node): DeltaClient {
  return new ClientEnd(node);
}

class ClientEnd implements DeltaClient {
  readonly #node: Node;
  readonly #types = new Map<string, TypeState>();
  #stream = 0;
  #isOpen = false;
  #nodeSent = false;

  constructor(node: Node) {
    this.#node = node;
  }

  subscribe(typeUrl: string, names: readonly string[]): readonly DeltaRequest[] {
    const type = this.#typeOf(typeUrl);
    const added = [...new Set(names)].filter((name) => !type.wanted.has(name));
    for (const name of added) type.wanted.add(name);
    if (added.length === 0) return [];
    return type.started ? this.#request(typeUrl, { subscribe: added }) : this.#start(typeUrl, type);
  }

  unsubscribe(typeUrl: string, names: readonly string[]): readonly DeltaRequest[] {
    const type = this.#typeOf(typeUrl);
    const dropped = [...new Set(names)].filter((name) => type.wanted.delete(name));
    for (const name of type.versions.keys()) if (!wants(type, name)) type.versions.delete(name);
    if (dropped.length === 0 || !type.started) return [];
    return this.#request(typeUrl, { unsubscribe: dropped });
  }

  restore(typeUrl: string, name: string, version: string): void {
    this.#typeOf(typeUrl).versions.set(name, version);
  }

  open(): readonly DeltaRequest[] {
    this.lost();
    this.#stream += 1;
    this.#isOpen = true;
    this.#nodeSent = false;
    return [...this.#types]
      .sort(([a], [b]) => typeRank(a) - typeRank(b))
      .flatMap(([typeUrl, type]) => this.#start(typeUrl, type));
  }

  lost(): void {
    this.#isOpen = false;
    for (const type of this.#types.values()) type.started = false;
  }

  receive(response: DeltaResponse): DeltaUpdate | undefined {
    const type = this.#types.get(response.typeUrl);
    if (!this.#isOpen || type === undefined) return undefined;
    const { typeUrl, systemVersion, nonce } = response;
    const resources = response.resources.filter((resource) => wants(type, resource.name));
    const removed = response.removed.filter((name) => wants(type, name));
    const update = { typeUrl, systemVersion, nonce, stream: this.#stream, resources, removed };
    type.unanswered.add(update);
    return update;
  }

  accept(update: DeltaUpdate): readonly DeltaRequest[] {
    const type = this.#typeOf(update.typeUrl);
    type.unanswered.delete(update);
    apply(type, update.resources, update.removed);
    return this.#answer(update);
  }

  reject(update: DeltaUpdate, reason: string, refused?: readonly string[]): readonly DeltaRequest[] {
    const type = this.#typeOf(update.typeUrl);
    type.unanswered.delete(update);
    if (refused !== undefined) {
      const used = update.resources.filter(({ name }) => !refused.includes(name));
      apply(
        type,
        used,
        update.removed.filter((name) => !refused.includes(name)),
      );
    }
    return this.#answer(update, { code: INVALID_ARGUMENT, message: reason.slice(0, MAX_REASON_LENGTH) });
  }

  versions(typeUrl: string): ReadonlyMap<string, string> {
    return this.#types.get(typeUrl)?.versions ?? new Map();
  }

  subscriptions(typeUrl: string): ReadonlySet<string> {
    return this.#types.get(typeUrl)?.wanted ?? new Set();
  }

  #typeOf(typeUrl: string): TypeState {
    const known = this.#types.get(typeUrl);
    if (known !== undefined) return known;
    const type = {
      wanted: new Set<string>(),
      versions: new Map(),
      unanswered: new Set<DeltaUpdate>(),
      started: false,
    };
    this.#types.set(typeUrl, type);
    return type;
  }

  /** The first request of a type on a stream. */
  #start(typeUrl: string, type: TypeState): readonly DeltaRequest[] {
    if (!this.#isOpen || type.wanted.size === 0) return [];
    type.started = true;
    return this.#request(typeUrl, { subscribe: [...type.wanted], initialVersions: expectedVersions(type) });
  }

  #answer(update: DeltaUpdate, error?: ErrorDetail): readonly DeltaRequest[] {
    if (update.stream !== this.#stream) return [];
    return this.#request(update.typeUrl, { nonce: update.nonce, ...(error === undefined ? {} : { error }) });
  }

  #request(typeUrl: string, fields: Partial<DeltaRequest>): readonly DeltaRequest[] {
    if (!this.#isOpen) return [];
    const node = this.#nodeSent ? {} : { node: this.#node };
    this.#nodeSent = true;
    return [{ ...emptyRequest(typeUrl), ...node, ...fields }];
  }
}

function emptyRequest(typeUrl: string): DeltaRequest {
  return { typeUrl, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '' };
}

function wants(type: TypeState, name: string): boolean {
  return type.wanted.has(name) || type.wanted.has(WILDCARD);
}

/** Remembers what is in use now. What was unsubscribed since the update came is not. */
function apply(type: TypeState, used: readonly DeltaResource[], removed: readonly string[]): void {
  for (const { name, version } of used) if (wants(type, name)) type.versions.set(name, version);
  for (const name of removed) type.versions.delete(name);
}

/** No resource has it: whoever holds it is sent the resource again. */
const NOT_YET = '';

/**
 * What the holder will hold once it has answered. A new stream that said less would never hear that something is gone
 * which the holder is only now taking into use. But nothing is said to be in use before it is: the version is left open,
 * so that it is sent once more and answered on this stream (the rotation of a root waits for that answer).
 */
function expectedVersions(type: TypeState): ReadonlyMap<string, string> {
  const versions = new Map(type.versions);
  for (const { resources, removed } of type.unanswered) {
    for (const { name } of resources) if (wants(type, name)) versions.set(name, NOT_YET);
    for (const name of removed) versions.delete(name);
  }
  return versions;
}
