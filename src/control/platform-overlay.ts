import { groupOf, keyText } from '../api/object.ts';
import type { Change, Source, SourceDocument } from './watch/source.ts';

// The platform plays the part of Kubernetes' controllers: it takes the user's objects and adds what only it knows, the
// cluster IP of a Service, the address of a Pod. It hands out whole objects; of those that the user wrote, only what it
// added counts, so that errors are still found where the user made them.

type Put = Extract<Change, { type: 'put' }>;
type Fields = Readonly<Record<string, unknown>>;

/** What is known of one side. */
interface Side {
  /** The last change of each origin. */
  readonly puts: Map<string, Put>;
  /** Key of an object to the origins that hold one. */
  readonly origins: Map<string, Set<string>>;
}

/**
 * Both sources as one: the user's objects with what the platform added to them, and the platform's own objects. Starts the
 * platform's side first, so that the first look at the user's files is complete.
 */
export function overlaySource(written: Source, platform: Source): Source {
  const user: Side = { puts: new Map(), origins: new Map() };
  const own: Side = { puts: new Map(), origins: new Map() };
  return {
    async watch(onChange) {
      await platform.watch((batch) =>
        onChange(
          take(
            batch,
            own,
            user,
            (put) => unclaimed(put, user),
            (put) => completed(put, own),
          ),
        ),
      );
      await written.watch((batch) =>
        onChange(
          take(
            batch,
            user,
            own,
            (put) => completed(put, own),
            (put) => unclaimed(put, user),
          ),
        ),
      );
    },
    async close() {
      await Promise.all([written.close(), platform.close()]);
    },
  };
}

/** Notes a batch of one side; what is to be told is that batch and the origins of the other side that it touches. */
function take(
  batch: readonly Change[],
  side: Side,
  other: Side,
  show: (put: Put) => Put,
  showOther: (put: Put) => Put,
): readonly Change[] {
  const touched = new Set<string>();
  for (const change of batch) {
    for (const key of [...keysOf(side.puts.get(change.origin)), ...keysOf(note(change, side))]) {
      for (const origin of other.origins.get(key) ?? []) touched.add(origin);
    }
  }
  const shown = batch.map((change) => (change.type === 'put' ? show(change) : change));
  return [...shown, ...[...touched].map((origin) => showOther(other.puts.get(origin)!))];
}

/** Makes a change the state of its origin; the put, where it is one. */
function note(change: Change, { puts, origins }: Side): Put | undefined {
  const { origin } = change;
  for (const key of keysOf(puts.get(origin))) {
    origins.get(key)?.delete(origin);
    if (origins.get(key)?.size === 0) origins.delete(key);
  }
  if (change.type === 'delete') return void puts.delete(origin);
  puts.set(origin, change);
  for (const key of keysOf(change)) origins.set(key, (origins.get(key) ?? new Set()).add(origin));
  return change;
}

/** A change of the platform without the objects that the user wrote. */
function unclaimed(put: Put, user: Side): Put {
  return { ...put, documents: put.documents.filter(({ value }) => !user.origins.has(keyOf(value) ?? '')) };
}

/** A change of the user with what the platform added. */
function completed(put: Put, own: Side): Put {
  return { ...put, documents: put.documents.map((document) => complete(document, own)) };
}

function complete(document: SourceDocument, own: Side): SourceDocument {
  const key = keyOf(document.value);
  const [origin] = own.origins.get(key ?? '') ?? [];
  const made = own.puts.get(origin ?? '')?.documents.find(({ value }) => keyOf(value) === key);
  const added = made === undefined ? undefined : additionsOf(document.value as Fields, made.value as Fields);
  if (added === undefined) return document;
  // The text tells the store whether an object is the same as before: what was added is part of it.
  return { ...document, value: added.value, text: `${document.text}\n# ${JSON.stringify(added.fields)}` };
}

/** The user's object with the platform's fields, and those fields; undefined where it adds none. */
function additionsOf(
  written: Fields,
  made: Fields,
): { readonly value: Fields; readonly fields: Fields } | undefined {
  if (written['kind'] === 'Service') {
    const { clusterIP, clusterIPs } = (made['spec'] ?? {}) as Fields;
    const spec = written['spec'];
    if (clusterIP === undefined || !isObject(spec) || spec['clusterIP'] !== undefined) return undefined;
    const fields = { clusterIP, ...(clusterIPs !== undefined && { clusterIPs }) };
    return { value: { ...written, spec: { ...spec, ...fields } }, fields };
  }
  if (written['kind'] === 'Pod' && made['status'] !== undefined) {
    // The platform's labels and annotations say whether there is a proxy and which: they hold the user's, too.
    const { labels, annotations } = made['metadata'] as Fields;
    const added = {
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    };
    const metadata = { ...(written['metadata'] as Fields), ...added };
    const { status } = made;
    return { value: { ...written, metadata, status }, fields: { ...added, status } };
  }
  return undefined;
}

function keysOf(put: Put | undefined): readonly string[] {
  return (put?.documents ?? []).map(({ value }) => keyOf(value)).filter((key) => key !== undefined);
}

/** The key of what may be an object; undefined where it is none. */
function keyOf(value: unknown): string | undefined {
  if (!isObject(value) || !isObject(value['metadata'])) return undefined;
  const { kind, apiVersion } = value;
  const { name, namespace = 'default' } = value['metadata'];
  if (typeof kind !== 'string' || typeof apiVersion !== 'string' || typeof name !== 'string')
    return undefined;
  return keyText({ group: groupOf(apiVersion), kind, namespace: String(namespace), name });
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
