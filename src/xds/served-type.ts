/**
 * What the server end knows of one type on one stream: what the client wants, what it was sent, what it has yet to
 * answer; and the difference between that and a snapshot.
 */
import { WILDCARD } from './delta-messages.ts';
import type { Sendable } from './sendable.ts';

/** What there is for one client at one moment. Its resources never change; a newer snapshot replaces it. */
export interface Snapshot {
  /** Shown to the client as the version of the whole. */
  readonly version: string;
  /** Everything of a type, for a wildcard; the same array as before where nothing changed. */
  all(typeUrl: string): readonly Sendable[];
  /** Those of the names that exist. */
  named(typeUrl: string, names: ReadonlySet<string>): readonly Sendable[];
  /**
   * Whether it is not known yet if there is such a resource (`*`: what there is of the type), so that nothing may be said of
   * it. For who relays; absent where all is known.
   */
  awaits?(typeUrl: string, name: string): boolean;
}

/** A response that the client has not answered. */
export interface Outstanding {
  readonly nonce: string;
  readonly sentAtMs: number;
  readonly resources: readonly Sendable[];
  readonly removed: readonly string[];
  /** It holds resources that the client did not have. */
  readonly bringsNew: boolean;
}

/** What the client holds of a name: a version, and the resource where this stream sent it. */
type Held = Pick<Sendable, 'version'> & Partial<Sendable>;

/** The client was told that there is no such resource. */
const GONE: Held = { version: '' };

/** The state of one type; changed by the functions of this file only. */
export interface ServedType {
  readonly typeUrl: string;
  wildcard: boolean;
  readonly names: Set<string>;
  /** What the client was last sent, whether or not it accepted it. */
  readonly sent: Map<string, Held>;
  /** To be sent whether or not they changed. */
  readonly forced: Set<string>;
  /** Refused by the client: name to version. */
  readonly refused: Map<string, string>;
  outstanding: Outstanding | undefined;
  /** A response of this type went out on this stream: the first request is always answered, be it by nothing. */
  answered: boolean;
  /** Something may differ from the snapshot. */
  dirty: boolean;
  /** Since when a part of what the client lacks is kept back. */
  heldSinceMs: number | undefined;
  /** A list of everything, of which the client was sent all; the same list again differs in nothing. */
  complete: readonly Sendable[] | undefined;
}

/** What a client lacks. */
export interface Difference {
  readonly resources: readonly Sendable[];
  /** It holds them and they are gone. */
  readonly removed: readonly string[];
  /** It asked for them, they do not exist, and it was not told yet. */
  readonly missing: readonly string[];
  /** There may be more, which is not known yet. */
  readonly awaiting: boolean;
  /** They are gone and have to be sent once more all the same while their removal is kept back: the client waits for them. */
  readonly again: readonly Sendable[];
}

/** A type that nothing was said about. */
export function serveType(typeUrl: string): ServedType {
  return {
    typeUrl,
    wildcard: false,
    names: new Set(),
    sent: new Map(),
    forced: new Set(),
    refused: new Map(),
    outstanding: undefined,
    answered: false,
    dirty: true,
    heldSinceMs: undefined,
    complete: undefined,
  };
}

/** Takes in subscriptions: what is asked for by name is sent even where the client has it. */
export function addNames(type: ServedType, names: readonly string[]): void {
  for (const name of names) {
    if (name === WILDCARD) type.wildcard = true;
    else type.names.add(name);
    if (type.sent.get(name) === GONE) type.sent.delete(name);
    if (type.sent.has(name)) type.forced.add(name);
    type.dirty = true;
  }
}

/** Takes back subscriptions. What a wildcard still covers stays. */
export function dropNames(type: ServedType, names: readonly string[]): void {
  for (const name of names) {
    if (name === WILDCARD) type.wildcard = false;
    else type.names.delete(name);
  }
  if (names.length === 0) return;
  for (const name of type.sent.keys()) if (!covers(type, name)) forget(type, name);
  // Under a wildcard the client is still told of what it holds, and of nothing that it knows to be missing.
  for (const name of names) if (type.sent.get(name) === GONE) forget(type, name);
  type.dirty = true;
}

/** Whether the client wants this name. */
export function covers(type: ServedType, name: string): boolean {
  return type.wildcard || type.names.has(name);
}

/** What the client claims to hold from an earlier stream. */
export function claim(type: ServedType, versions: ReadonlyMap<string, string>): void {
  for (const [name, version] of versions) if (covers(type, name)) type.sent.set(name, { version });
}

/** What the client lacks of the snapshot. */
export function difference(type: ServedType, snapshot: Snapshot): Difference {
  const awaited = (name: string): boolean => snapshot.awaits?.(type.typeUrl, name) ?? false;
  if (type.wildcard && awaited(WILDCARD)) return { ...nothing, awaiting: true };
  if (type.complete !== undefined && isPlainWildcard(type) && snapshot.all(type.typeUrl) === type.complete) {
    return nothing;
  }
  const wanted = wantedOf(type, snapshot);
  const resources: Sendable[] = [];
  for (const resource of wanted.values()) {
    if (awaited(resource.name)) continue;
    if (type.sent.get(resource.name)?.version !== resource.version || type.forced.has(resource.name)) {
      resources.push(resource);
    }
  }
  const gone = (name: string): boolean => !wanted.has(name) && !awaited(name);
  const removed: string[] = [];
  for (const [name, held] of type.sent) if (held !== GONE && gone(name)) removed.push(name);
  const missing: string[] = [];
  for (const name of type.names) if (gone(name) && !type.sent.has(name)) missing.push(name);
  const awaiting = snapshot.awaits !== undefined && [...type.names].some(awaited);
  const again = heldOf(type, removed).filter(({ name }) => type.forced.has(name));
  return { resources, removed, missing, awaiting, again };
}

const nothing: Difference = { resources: [], removed: [], missing: [], awaiting: false, again: [] };

function wantedOf(type: ServedType, snapshot: Snapshot): ReadonlyMap<string, Sendable> {
  const all = type.wildcard ? snapshot.all(type.typeUrl) : [];
  const named = type.names.size > 0 ? snapshot.named(type.typeUrl, type.names) : [];
  return new Map([...all, ...named].map((resource) => [resource.name, resource]));
}

/** Notes that the client was sent all there is. */
export function noteComplete(type: ServedType, snapshot: Snapshot): void {
  type.complete = isPlainWildcard(type) ? snapshot.all(type.typeUrl) : undefined;
}

function isPlainWildcard(type: ServedType): boolean {
  return type.wildcard && type.names.size === 0 && type.forced.size === 0;
}

/** Notes that this went out. */
export function noteSent(type: ServedType, sent: Omit<Outstanding, 'bringsNew'>): void {
  const bringsNew = sent.resources.some(({ name }) => !type.sent.has(name));
  const outstanding = { ...sent, bringsNew };
  type.outstanding = outstanding;
  type.answered = true;
  for (const resource of outstanding.resources) {
    type.sent.set(resource.name, resource);
    type.forced.delete(resource.name);
  }
  for (const name of outstanding.removed) {
    forget(type, name);
    if (type.names.has(name)) type.sent.set(name, GONE);
  }
}

/** Notes that the outstanding response was accepted. */
export function noteAccepted(type: ServedType): void {
  for (const { name } of type.outstanding?.resources ?? []) type.refused.delete(name);
  type.outstanding = undefined;
}

/**
 * Notes that the outstanding response was refused. Where the reason names resources, these are the bad ones; otherwise all
 * are. They are not sent again before they change: the client would only refuse them again.
 */
export function noteRefused(type: ServedType, reason: string): readonly string[] {
  const resources = type.outstanding?.resources ?? [];
  const bad = new Set(namesIn(reason, resources));
  for (const { name, version } of resources) {
    if (bad.has(name)) type.refused.set(name, version);
    else type.refused.delete(name);
  }
  type.outstanding = undefined;
  return [...bad];
}

/** The names that a NACK's reason speaks of; all of them where it names none. */
export function namesIn(reason: string, resources: readonly { readonly name: string }[]): readonly string[] {
  const names = resources.map(({ name }) => name);
  const spoken = names.filter((name) => speaksOf(reason, name));
  return spoken.length > 0 ? spoken : names;
}

/** Whether the name stands in the text by itself, and not as a part of a longer name. */
function speaksOf(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0 && name !== ''; at = text.indexOf(name, at + 1)) {
    const after = text.slice(at + name.length, at + name.length + 2);
    if (!NAME_CHARACTER.test(text.slice(0, at).slice(-1)) && !NAME_GOES_ON.test(after)) return true;
  }
  return false;
}

/** A dot that nothing follows ends a sentence, not a name. */
const NAME_GOES_ON = /^(?:[\w|/-]|\.[\w|/-])/;
const NAME_CHARACTER = /[\w|/.-]/;

/** Where one resource stands with this client: in use, under way, refused, or not what the client was sent. */
export function standing(type: ServedType, resource: Sendable): 'live' | 'pending' | 'refused' {
  if (type.refused.get(resource.name) === resource.version) return 'refused';
  if (type.sent.get(resource.name)?.version !== resource.version) return 'pending';
  const under = type.outstanding?.resources.some(({ name }) => name === resource.name) ?? false;
  return under ? 'pending' : 'live';
}

/** What the client still holds of the names, as this stream sent it: what a state-of-the-world response repeats. */
export function heldOf(type: ServedType, names: readonly string[]): readonly Sendable[] {
  return names.map((name) => type.sent.get(name)).filter((held): held is Sendable => held?.any !== undefined);
}

function forget(type: ServedType, name: string): void {
  type.complete = undefined;
  type.sent.delete(name);
  type.forced.delete(name);
  type.refused.delete(name);
}
