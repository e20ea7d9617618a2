/**
 * What the server end knows of one type on one stream: what the client wants, what it was sent, what it has yet to
 * answer; and the difference between that and a snapshot.
 */
import { WILDCARD } from './delta-messages.ts';
import { GONE, HeldResources } from './held-resources.ts';
import { type NameSet, NO_NAMES, withNames, withoutNames } from './name-sets.ts';
import {
  absentFrom,
  indexOf,
  type ListDifference,
  listDifference,
  type ResourceList,
} from './resource-lists.ts';
import type { Sendable } from './sendable.ts';

/** What there is for one client at one moment. Its resources never change; a newer snapshot replaces it. */
export interface Snapshot {
  /** Shown to the client as the version of the whole. */
  readonly version: string;
  /** Everything of a type, for a wildcard; the same array as before where nothing changed. */
  all(typeUrl: string): ResourceList;
  /** The same in lists that many clients share, no name in two of them; in the same order each time. Default: `all` alone. */
  parts?(typeUrl: string): readonly ResourceList[];
  /** Those of the names that exist; the same array as before for the same set where nothing changed. */
  named(typeUrl: string, names: NameSet): ResourceList;
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

/** The state of one type; changed by the functions of this file only. */
export interface ServedType {
  readonly typeUrl: string;
  wildcard: boolean;
  names: NameSet;
  /** What the client was last sent, whether or not it accepted it. */
  readonly sent: HeldResources;
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
  /** The client holds none yet of some of `resources`. */
  readonly bringsNew: boolean;
  /** `resources` in lists, as far as many clients are sent the same lists. */
  readonly groups: readonly ResourceList[];
  /** What the client holds once it was sent all of this; undefined where that is not known by lists. */
  readonly lists: readonly ResourceList[] | undefined;
}

/** A type that nothing was said about. */
export function serveType(typeUrl: string): ServedType {
  return {
    typeUrl,
    wildcard: false,
    names: NO_NAMES,
    sent: new HeldResources(),
    forced: new Set(),
    refused: new Map(),
    outstanding: undefined,
    answered: false,
    dirty: true,
    heldSinceMs: undefined,
  };
}

/** Takes in subscriptions: what is asked for by name is sent even where the client has it. */
export function addNames(type: ServedType, names: readonly string[]): void {
  if (names.includes(WILDCARD)) type.wildcard = true;
  type.names = withNames(
    type.names,
    names.filter((name) => name !== WILDCARD),
  );
  for (const name of names) {
    const held = type.sent.get(name);
    if (held === GONE) type.sent.delete(name);
    else if (held !== undefined) type.forced.add(name);
    type.dirty = true;
  }
}

/** Takes back subscriptions. What a wildcard still covers stays. */
export function dropNames(type: ServedType, names: readonly string[]): void {
  if (names.length === 0) return;
  if (names.includes(WILDCARD)) type.wildcard = false;
  type.names = withoutNames(type.names, names);
  for (const name of [...type.sent.names()]) if (!covers(type, name)) forget(type, name);
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
  if (type.wildcard && (snapshot.awaits?.(type.typeUrl, WILDCARD) ?? false))
    return { ...NOTHING, awaiting: true };
  const lists = wantedLists(type, snapshot);
  const held = type.sent.lists;
  const alike = snapshot.awaits === undefined && !(type.wildcard && type.names.size > 0);
  return alike && held !== undefined && (held.length === 0 || held.length === lists.length)
    ? differenceOfLists(type, held, lists)
    : differenceByName(type, snapshot, lists, alike);
}

/** The client lacks nothing, and holds lists that are the same as before. */
export const NOTHING: Difference = {
  resources: [],
  removed: [],
  missing: [],
  awaiting: false,
  again: [],
  bringsNew: false,
  groups: [],
  lists: undefined,
};

function wantedLists(type: ServedType, snapshot: Snapshot): readonly ResourceList[] {
  const { typeUrl, names } = type;
  const all = type.wildcard ? (snapshot.parts?.(typeUrl) ?? [snapshot.all(typeUrl)]) : [];
  return names.size > 0 ? [...all, snapshot.named(typeUrl, names)] : all;
}

/** Where the client holds lists and is to hold others: steps from list to list are the same for many clients. */
function differenceOfLists(
  type: ServedType,
  held: readonly ResourceList[],
  lists: readonly ResourceList[],
): Difference {
  if (type.forced.size === 0 && isSettled(type, held, lists)) return NOTHING;
  const [list] = lists;
  const absent = type.wildcard || list === undefined ? NO_STRINGS : absentFrom(list, type.names);
  if (lists.length === 1 && type.forced.size === 0 && absent.length === 0)
    return differenceOfStep(listDifference(held[0], list!), lists);
  const steps = lists.map((one, i) => listDifference(held[i], one));
  const changed = steps.filter(({ resources }) => resources.length > 0);
  const groups = changed.map((step) => step.resources);
  const gone = steps.some((step) => step.removed.length > 0);
  const forced = type.forced.size === 0 ? [] : forcedBeside(type, groups, lists);
  const all = forced.length === 0 ? groups : [...groups, forced];
  const removed = gone
    ? steps.flatMap((step) => step.removed).filter((name) => !lists.some((one) => indexOf(one).has(name)))
    : NO_STRINGS;
  return {
    resources: all.length === 1 ? all[0]! : all.flat(),
    groups: all,
    removed,
    missing: absent.length === 0 ? absent : absent.filter((name) => !type.sent.has(name)),
    awaiting: false,
    again: type.forced.size === 0 ? [] : heldOf(type, removed).filter(({ name }) => type.forced.has(name)),
    bringsNew: changed.some((step) => step.bringsNew),
    lists,
  };
}

const differences = new WeakMap<ListDifference, Difference>();

/** Where the client holds one list and nothing else is to be said: the same for all that make this step. */
function differenceOfStep(step: ListDifference, lists: readonly ResourceList[]): Difference {
  let made = differences.get(step);
  if (made === undefined || made.lists?.[0] !== lists[0]) {
    const { resources, removed, bringsNew } = step;
    made = {
      ...NOTHING,
      resources,
      removed,
      bringsNew,
      lists,
      groups: resources.length > 0 ? [resources] : [],
    };
    differences.set(step, made);
  }
  return made;
}

/** It holds these very lists, and of the names that it asks for none is missing. */
function isSettled(type: ServedType, held: readonly ResourceList[], lists: readonly ResourceList[]): boolean {
  if (held.length !== lists.length) return false;
  for (let i = 0; i < lists.length; i++) if (held[i] !== lists[i]) return false;
  const [list] = lists;
  return type.wildcard || list === undefined || absentFrom(list, type.names).length === 0;
}

/** What has to be sent again though it did not change. */
function forcedBeside(
  type: ServedType,
  groups: readonly ResourceList[],
  lists: readonly ResourceList[],
): ResourceList {
  const names = new Set(groups.flatMap((group) => group.map(({ name }) => name)));
  return [...type.forced]
    .filter((name) => !names.has(name))
    .flatMap((name) => lists.flatMap((list) => indexOf(list).get(name) ?? []));
}

const NO_STRINGS: readonly string[] = [];

/** Name by name: where the client holds what no list says, or not all is known yet. */
function differenceByName(
  type: ServedType,
  snapshot: Snapshot,
  lists: readonly ResourceList[],
  alike: boolean,
): Difference {
  const awaited = (name: string): boolean => snapshot.awaits?.(type.typeUrl, name) ?? false;
  const wanted = new Map(lists.flat().map((resource) => [resource.name, resource]));
  const resources: Sendable[] = [];
  for (const resource of wanted.values()) {
    if (awaited(resource.name)) continue;
    if (type.sent.get(resource.name)?.version !== resource.version || type.forced.has(resource.name)) {
      resources.push(resource);
    }
  }
  const gone = (name: string): boolean => !wanted.has(name) && !awaited(name);
  const removed: string[] = [];
  for (const name of type.sent.names()) if (type.sent.get(name) !== GONE && gone(name)) removed.push(name);
  const missing: string[] = [];
  for (const name of type.names) if (gone(name) && !type.sent.has(name)) missing.push(name);
  const awaiting = snapshot.awaits !== undefined && [...type.names].some(awaited);
  const again = heldOf(type, removed).filter(({ name }) => type.forced.has(name));
  const bringsNew = resources.some(({ name }) => !type.sent.has(name));
  const groups = resources.length === 0 ? [] : [resources];
  return {
    resources,
    groups,
    removed,
    missing,
    awaiting,
    again,
    bringsNew,
    lists: alike ? lists : undefined,
  };
}

/** Notes that the client was sent all there is. */
export function noteComplete(type: ServedType, lists: readonly ResourceList[] | undefined): void {
  if (lists !== undefined) type.sent.settle(lists);
}

/** Notes that this went out. `lists`: with it the client holds these and nothing else. */
export function noteSent(
  type: ServedType,
  outstanding: Outstanding,
  lists: readonly ResourceList[] | undefined,
): void {
  type.outstanding = outstanding;
  type.answered = true;
  if (lists !== undefined) type.sent.settle(lists);
  else for (const resource of outstanding.resources) type.sent.set(resource.name, resource);
  if (type.forced.size > 0) for (const { name } of outstanding.resources) type.forced.delete(name);
  for (const name of outstanding.removed) {
    forget(type, name);
    if (type.names.has(name)) type.sent.set(name, GONE);
  }
}

/** Notes that the outstanding response was accepted. */
export function noteAccepted(type: ServedType): void {
  if (type.refused.size > 0)
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
  type.sent.delete(name);
  type.forced.delete(name);
  type.refused.delete(name);
}
