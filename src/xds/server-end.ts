/**
 * The server end of ADS as a state machine: no sockets, no clock of its own. The control plane runs one per stream, the
 * agent one per Envoy. delta-server.ts and sotw-server.ts put the two protocols on top.
 *
 * In: what the client asks for and answers, and snapshots of what there is for it. Out: responses to send, events to
 * record. One response per type is outstanding; what changes meanwhile is sent as one difference after the answer. A
 * refused resource is not sent again until it changes; the client keeps its last good one.
 */
import type { ErrorDetail } from './delta-messages.ts';
import { HOLD_LIMIT_MS, permissionFor, type Standing } from './push-order.ts';
import { typeUrls } from './resources.ts';
import type { Push, Sendable } from './sendable.ts';
import type { Difference, Outstanding, ServedType, Snapshot } from './served-type.ts';
import {
  difference,
  heldOf,
  NOTHING,
  noteAccepted,
  noteComplete,
  noteRefused,
  noteSent,
  serveType,
} from './served-type.ts';
import { typeRank } from './type-order.ts';

/** What a server end is made of. */
export interface ServerEndOptions {
  /** Makes nonces of this stream unlike those of others. */
  readonly streamId: string;
  /** Most names one stream may subscribe to, over all types. Default 100 000. */
  readonly maxSubscriptions?: number;
  /** Most types one stream may ask for. Default 32. */
  readonly maxTypes?: number;
}

/** What a request turned out to be, to be recorded. */
export type ServerEvent =
  /** New or other subscriptions. */
  | { readonly kind: 'subscribed'; readonly typeUrl: string }
  | { readonly kind: 'accepted'; readonly typeUrl: string; readonly answered: Outstanding }
  | {
      readonly kind: 'refused';
      readonly typeUrl: string;
      readonly answered: Outstanding;
      readonly error: ErrorDetail;
      /** The resources that the client cannot use, as far as its reason tells. */
      readonly names: readonly string[];
    }
  /** An answer to a response that is not the last: without effect. */
  | { readonly kind: 'outdated'; readonly typeUrl: string }
  /** More than one stream may ask for: end the stream with RESOURCE_EXHAUSTED and this sentence. */
  | { readonly kind: 'excess'; readonly typeUrl: string; readonly message: string };

/** The server end of one stream, whichever of the two protocols it speaks. */
export interface ServerEnd<Request> {
  /** A request arrived. */
  receive(request: Request): readonly ServerEvent[];
  /** What there is for the client from now on. */
  offer(snapshot: Snapshot): void;
  /** Sends these once more with the next push, though the client has them: someone who knows more says it needs them. */
  resend(typeUrl: string, names: readonly string[]): void;
  /** What to send now. Nothing before the first `offer`. Call it after each `receive` and `offer`. */
  next(nowMs: number): readonly Push[];
  /** When to call `next` though nothing happened; undefined: never. */
  wakeAtMs(): number | undefined;
  /** Each type that the client asked for. Not to be changed. */
  types(): ReadonlyMap<string, ServedType>;
}

/** Longest reason of a refusal that is read, in characters: it is searched for the names of resources. */
const MAX_REASON_LENGTH = 65_536;

/** The part that both protocols share; delta-server.ts and sotw-server.ts add `receive`. */
export class ServerCore implements Omit<ServerEnd<never>, 'receive'> {
  readonly #streamId: string;
  readonly #maxSubscriptions: number;
  readonly #maxTypes: number;
  /** A response about listeners or clusters holds all of them (state of the world). */
  readonly #repeatsAll: boolean;
  readonly #types = new Map<string, ServedType>();
  /** The same in the order in which they are sent. */
  #inOrder: readonly ServedType[] = [];
  #snapshot: Snapshot | undefined;
  #pushes = 0;

  constructor(options: ServerEndOptions, repeatsAll: boolean) {
    this.#streamId = options.streamId;
    this.#maxSubscriptions = options.maxSubscriptions ?? 100_000;
    this.#maxTypes = options.maxTypes ?? 32;
    this.#repeatsAll = repeatsAll;
  }

  types(): ReadonlyMap<string, ServedType> {
    return this.#types;
  }

  offer(snapshot: Snapshot): void {
    if (snapshot === this.#snapshot) return;
    this.#snapshot = snapshot;
    for (const type of this.#types.values()) type.dirty = true;
  }

  resend(typeUrl: string, names: readonly string[]): void {
    const type = this.#types.get(typeUrl);
    if (type !== undefined) force(type, names);
  }

  next(nowMs: number): readonly Push[] {
    const from = this.#snapshot;
    if (from === undefined) return [];
    if (!this.#inOrder.some(isDue)) return [];
    const out: Push[] = [];
    const differences = new Map<ServedType, Difference>();
    const lacks = (typeUrl: string): Difference | undefined => {
      const type = this.#types.get(typeUrl);
      if (type?.dirty !== true) return undefined;
      const known = differences.get(type) ?? difference(type, from);
      differences.set(type, known);
      return known;
    };
    for (const type of this.#inOrder) {
      if (!isDue(type)) continue;
      const all = lacks(type.typeUrl)!;
      if (all === NOTHING && type.answered) {
        type.dirty = false;
        type.heldSinceMs = undefined;
        continue;
      }
      const part = permitted(type, all, { types: this.#types, lacks }, nowMs);
      if (part !== undefined) {
        out.push(this.#send(type, part, nowMs, from.version));
        // What was sent is lacked no more, and clusters may have forced endpoints.
        differences.delete(type);
        if (type.typeUrl === typeUrls.cluster)
          differences.delete(this.#types.get(typeUrls.endpoint) as ServedType);
      } else if (!type.dirty && !all.awaiting) noteComplete(type, all.lists);
    }
    return out;
  }

  wakeAtMs(): number | undefined {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const { outstanding, heldSinceMs = earliestMs } of this.#inOrder)
      if (outstanding === undefined && heldSinceMs < earliestMs) earliestMs = heldSinceMs;
    return earliestMs === Number.POSITIVE_INFINITY ? undefined : earliestMs + HOLD_LIMIT_MS;
  }

  /** The state of a type; undefined where the client asked for too many. */
  type(typeUrl: string): ServedType | undefined {
    const known = this.#types.get(typeUrl);
    if (known !== undefined || this.#types.size >= this.#maxTypes) return known;
    const type = serveType(typeUrl);
    this.#types.set(typeUrl, type);
    this.#inOrder = [...this.#types.values()].sort((a, b) => typeRank(a.typeUrl) - typeRank(b.typeUrl));
    return type;
  }

  /** The event to end the stream with, where the client asked for too much. */
  excess(typeUrl: string): ServerEvent | undefined {
    let count = 0;
    for (const { names } of this.#inOrder) count += names.size;
    const isKnown = this.#types.has(typeUrl);
    if (count <= this.#maxSubscriptions && isKnown) return undefined;
    const limit = isKnown ? `${this.#maxSubscriptions} resources` : `${this.#maxTypes} types`;
    return { kind: 'excess', typeUrl, message: `one stream may subscribe to ${limit} and no more` };
  }

  /** Takes an answer; `nonce` is not ''. */
  answer(type: ServedType, nonce: string, error: ErrorDetail | undefined): ServerEvent {
    const answered = type.outstanding;
    const { typeUrl } = type;
    if (answered?.nonce !== nonce) return { kind: 'outdated', typeUrl };
    if (error === undefined) {
      noteAccepted(type);
      return { kind: 'accepted', typeUrl, answered };
    }
    const message = error.message.slice(0, MAX_REASON_LENGTH);
    const names = noteRefused(type, message);
    return { kind: 'refused', typeUrl, answered, error: { ...error, message }, names };
  }

  #send(type: ServedType, part: Difference, nowMs: number, systemVersion: string): Push {
    this.#pushes += 1;
    const { typeUrl } = type;
    const nonce = `${this.#streamId}.${this.#pushes}`;
    const removed = [...part.removed, ...part.missing];
    if (typeUrl === typeUrls.cluster) forceEndpoints(this.#types.get(typeUrls.endpoint), part.resources);
    const { resources: news, bringsNew } = part;
    const outstanding = { nonce, sentAtMs: nowMs, resources: news, removed, bringsNew };
    noteSent(type, outstanding, type.dirty ? undefined : part.lists);
    const statesAll = this.#repeatsAll && statesTheWorld(typeUrl);
    const resources = statesAll ? heldOf(type, [...type.sent.names()]) : news;
    const groups = resources === news ? part.groups : type.sent.lists;
    return { typeUrl, nonce, systemVersion, resources, ...(groups && { groups }), removed };
  }
}

/** Something may be to be said of it, and may be said. */
function isDue({ dirty, outstanding }: ServedType): boolean {
  return dirty && outstanding === undefined;
}

/** The part of the difference that may go out now; undefined for nothing. Marks the type clean where nothing is kept back. */
function permitted(
  type: ServedType,
  all: Difference,
  standing: Standing,
  nowMs: number,
): Difference | undefined {
  const isOverdue = type.heldSinceMs !== undefined && nowMs - type.heldSinceMs >= HOLD_LIMIT_MS;
  const may = isOverdue ? { additions: true, removals: true } : permissionFor(type.typeUrl, all, standing);
  const resources = may.additions ? all.resources : [];
  const removed = may.removals ? all.removed : [];
  type.dirty = resources.length < all.resources.length || removed.length < all.removed.length;
  type.heldSinceMs = type.dirty ? (type.heldSinceMs ?? nowMs) : undefined;
  const again = may.removals ? [] : all.again;
  if (!type.dirty && again.length === 0) return isWorthSaying(type, all) ? all : undefined;
  const groups = may.additions ? all.groups : [];
  const part = {
    ...all,
    resources: again.length === 0 ? resources : [...resources, ...again],
    groups: again.length === 0 ? groups : [...groups, again],
    removed,
    bringsNew: all.bringsNew && may.additions,
  };
  return isWorthSaying(type, part) ? part : undefined;
}

function isWorthSaying(
  { answered, dirty }: ServedType,
  { resources, removed, missing, awaiting }: Difference,
): boolean {
  // The first request is answered even where there is nothing to say: clients wait for it. Not while something is held.
  return resources.length + removed.length + missing.length > 0 || (!answered && !dirty && !awaiting);
}

function statesTheWorld(typeUrl: string): boolean {
  return typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener;
}

function forceEndpoints(endpoints: ServedType | undefined, clusters: readonly Sendable[]): void {
  const names = clusters.map((cluster) => cluster.endpoints).filter((name) => name !== undefined);
  if (endpoints !== undefined) force(endpoints, names);
}

function force(type: ServedType, names: readonly string[]): void {
  for (const name of names) {
    if (!type.sent.has(name)) continue;
    type.forced.add(name);
    type.dirty = true;
  }
}
