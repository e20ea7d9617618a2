import { type KindId, kindIds } from '../../api/kinds.ts';
import { kindIdOf } from '../../api/object.ts';
import type { Resource, Resources } from '../../api/resources.ts';

/** Live objects of one kind. */
interface KindTable {
  readonly byName: ReadonlyMap<string, Resource>;
  readonly list: readonly Resource[];
}

const emptyTable: KindTable = { byName: new Map(), list: [] };

/** A view of live objects: {@link withChanges} makes the next one, which shares what did not change. */
export interface LiveResources extends Resources {
  readonly tables: ReadonlyMap<string, KindTable>;
}

/** The view before anything was read. */
export const noResources: LiveResources = view(0, new Map());

/** One key that is now live with this resource, or not any more. */
export interface LiveChange {
  readonly key: Resource['key'];
  readonly resource: Resource | undefined;
}

/** The next view. Tables of kinds that did not change are the same, and so are their lists. */
export function withChanges(before: LiveResources, changes: readonly LiveChange[]): LiveResources {
  const byKind = new Map<string, Map<string, Resource>>();
  for (const { key, resource } of changes) {
    const kind = kindIdOf(key);
    const table = byKind.get(kind) ?? new Map(before.tables.get(kind)?.byName);
    byKind.set(kind, table);
    if (resource === undefined) table.delete(nameText(key));
    else table.set(nameText(key), resource);
  }
  const tables = new Map(before.tables);
  for (const [kind, byName] of byKind)
    tables.set(kind, { byName, list: listOf(byName, before.tables.get(kind) ?? emptyTable) });
  return view(before.revision + 1, tables);
}

/** In order of name. Mostly objects change and none comes or goes: then places stay. */
function listOf(byName: ReadonlyMap<string, Resource>, before: KindTable): readonly Resource[] {
  if (byName.size !== before.byName.size) return sorted(byName);
  const list: Resource[] = [];
  for (const { key } of before.list) {
    const now = byName.get(nameText(key));
    if (now === undefined) return sorted(byName);
    list.push(now);
  }
  return list;
}

function sorted(byName: ReadonlyMap<string, Resource>): readonly Resource[] {
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, resource]) => resource);
}

function view(revision: number, tables: ReadonlyMap<string, KindTable>): LiveResources {
  const tableOf = (kind: KindId): KindTable => tables.get(kind) ?? emptyTable;
  return {
    revision,
    tables,
    list: (kind) => tableOf(kind).list as never,
    get: (kind, namespace, name) => tableOf(kind).byName.get(nameText({ namespace, name })) as never,
  };
}

/** Sorts by namespace, then name: the separator is lower than any character of a name. */
function nameText({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}\u0000${name}`;
}

/** All live objects of all kinds, in the order of the table of kinds. */
export function allResources(resources: Resources): Resource[] {
  return kindIds.flatMap((kind) => resources.list(kind) as readonly Resource[]);
}
