import { keyText } from '../../api/object.ts';
import { isPlainObject } from '../../api/plain.ts';
import { deepEqual } from '../../lib/deep-equal.ts';
import { CONTROLLERS } from '../resolve/gateway-api/classes.ts';
import type { GatewayApiStatus } from '../resolve/gateway-api/status.ts';
import {
  type ObservedCondition,
  parentKey,
  type StatusWith,
  statusFields,
  withConditions,
} from './fields.ts';

/** One condition as it stands in a cluster. */
export interface WrittenCondition extends ObservedCondition {
  /** RFC 3339, in whole seconds. */
  readonly lastTransitionTime: string;
}

/** An object of a cluster, as it was read there. */
export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly namespace?: string;
    readonly name: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
  };
  readonly status?: unknown;
}

/** A request that makes an object's status what it should be. */
export interface StatusPatch {
  readonly method: 'PATCH';
  /** Of the API server, to the `status` subresource. */
  readonly path: string;
  readonly contentType: 'application/merge-patch+json';
  /** With the resourceVersion that was read: who wrote in between makes this one fail (409), and it is made anew. */
  readonly body: object;
}

/** What sends patches. False: the object changed in between, or is gone. */
export interface StatusWriter {
  write(patch: StatusPatch): Promise<boolean>;
}

/**
 * The patch for one object; undefined where everything stands as it should. `own`: what weft says of it, undefined where
 * it is not, or no longer, weft's: then what weft wrote before is taken out. `now`: RFC 3339, whole seconds.
 */
export function statusPatch(
  object: WrittenObject,
  own: GatewayApiStatus | undefined,
  now: string,
): StatusPatch | undefined {
  const written = isPlainObject(object.status) ? object.status : {};
  const status = own === undefined ? withoutOwn(written) : merged(statusFields(own), written, now);
  const changed = Object.entries(status).filter(([field, value]) => !deepEqual(value, written[field]));
  if (changed.length === 0) return undefined;
  const { name, resourceVersion } = object.metadata;
  const metadata = { name, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return {
    method: 'PATCH',
    path: statusPath(object),
    contentType: 'application/merge-patch+json',
    body: { metadata, status: Object.fromEntries(changed) },
  };
}

/** The patches for all objects of a cluster's Gateway API, given what weft says of those that are its own. */
export function statusPatches(
  objects: readonly WrittenObject[],
  statuses: readonly GatewayApiStatus[],
  now: string,
): readonly StatusPatch[] {
  const own = new Map(statuses.map((status) => [keyText(status.key), status]));
  return objects.flatMap((object) => {
    const { namespace = '', name } = object.metadata;
    const group = object.apiVersion.slice(0, Math.max(0, object.apiVersion.indexOf('/')));
    const status = own.get(keyText({ group, kind: object.kind, namespace, name }));
    return statusPatch(object, status, now) ?? [];
  });
}

type Written = { readonly [field: string]: unknown };

/** Entries of other controllers stay as they are, and so do conditions of types that weft does not know. */
function merged(own: StatusWith<ObservedCondition>, written: Written, now: string): Written {
  const before = conditionsOf(written);
  const dated = withConditions(own, (conditions, place): readonly WrittenCondition[] => {
    const old = before.get(place) ?? [];
    const types = new Set(conditions.map(({ type }) => type));
    // Of an entry of our own all conditions are ours; of an object others may say something too.
    const foreign = place === '' ? old.filter(({ type }) => !types.has(type)) : [];
    return [...conditions.map((condition) => withTime(condition, old, now)), ...foreign];
  });
  return {
    ...dated,
    ...(dated.parents && { parents: inPlace(written['parents'], dated.parents, 'parentRef') }),
    ...(dated.ancestors && { ancestors: inPlace(written['ancestors'], dated.ancestors, 'ancestorRef') }),
    // A merge patch takes out what is null.
    ...(written['attachedListenerSets'] !== undefined && dated.attachedListenerSets === undefined
      ? { attachedListenerSets: null }
      : {}),
  };
}

type RefField = 'parentRef' | 'ancestorRef';

/** Every entry where it stood, so that controllers that share a list do not turn it around for ever; new ones last. */
function inPlace(list: unknown, own: readonly object[], field: RefField): readonly object[] {
  const left = new Map(own.map((entry) => [keyOfEntry(entry as Written, field), entry]));
  const kept = entriesOf(list).flatMap((entry): object[] => {
    if (!isOwn(entry)) return [entry];
    const key = keyOfEntry(entry, field);
    const now = left.get(key);
    left.delete(key);
    return now === undefined ? [] : [now];
  });
  return [...kept, ...left.values()];
}

function keyOfEntry(entry: Written, field: RefField): string {
  return parentKey(String(entry['controllerName']), isPlainObject(entry[field]) ? entry[field] : {});
}

/** The time of the last change from one status to another; other changes have none. */
function withTime(
  condition: ObservedCondition,
  old: readonly WrittenCondition[],
  now: string,
): WrittenCondition {
  const before = old.find(({ type }) => type === condition.type);
  const same = before?.status === condition.status ? before.lastTransitionTime : undefined;
  return { ...condition, lastTransitionTime: same ?? now };
}

/** What is left when weft says nothing of an object: lists that it shares with others, without its entries. */
function withoutOwn(written: Written): Written {
  const lists = (['parents', 'ancestors'] as const).flatMap((field) => {
    const list = written[field];
    return Array.isArray(list) ? [[field, othersOf(list)] as const] : [];
  });
  return Object.fromEntries(lists);
}

function othersOf(list: unknown): readonly unknown[] {
  return entriesOf(list).filter((entry) => !isOwn(entry));
}

function isOwn({ controllerName }: Written): boolean {
  return CONTROLLERS.includes(String(controllerName));
}

/** Conditions that stand in a status, by the place that withConditions names. */
function conditionsOf(written: Written): ReadonlyMap<string, readonly WrittenCondition[]> {
  const places = new Map([['', listOf(written['conditions'])]]);
  for (const one of entriesOf(written['listeners']))
    places.set(`listeners/${String(one['name'])}`, listOf(one['conditions']));
  for (const [field, ref] of [
    ['parents', 'parentRef'],
    ['ancestors', 'ancestorRef'],
  ] as const)
    for (const one of entriesOf(written[field]))
      places.set(`${field}/${keyOfEntry(one, ref)}`, listOf(one['conditions']));
  return places;
}

function listOf(value: unknown): readonly WrittenCondition[] {
  return entriesOf(value) as unknown as readonly WrittenCondition[];
}

function entriesOf(value: unknown): readonly Written[] {
  return Array.isArray(value) ? value.filter(isPlainObject) : [];
}

/** `/apis/GROUP/VERSION/namespaces/NAMESPACE/KINDS/NAME/status`. */
function statusPath({ apiVersion, kind, metadata: { namespace, name } }: WrittenObject): string {
  const word = kind.toLowerCase();
  const many = /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word.replace(/(?<![aeiou])y$/, 'ie')}s`;
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${apiVersion}${place}/${many}/${encodeURIComponent(name)}/status`;
}
