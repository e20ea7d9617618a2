import type { Json } from '../../xds/resources.ts';
import type { Command, MakeCommand } from './operator.ts';
import type { StreamFacts } from './stream-facts.ts';

// Metadata of the stream, and of what it met: structs in JSON, texts where a value is one.

type Root = (facts: StreamFacts, namespace: string) => { readonly [key: string]: Json } | undefined;

const ROOTS: Readonly<Record<string, Root>> = {
  DYNAMIC: (f, namespace) => f.peer.metadata(namespace),
  ROUTE: (f, namespace) => f.routeMetadata?.[namespace],
  CLUSTER: (f, namespace) => f.upstream?.clusterMetadata?.[namespace],
  UPSTREAM_HOST: (f, namespace) => f.upstream?.endpoint?.placement.spec.metadata[namespace],
};

/** `NAMESPACE:KEY:KEY` */
function lookUp(root: Root, argument: string): Command | string {
  const [namespace = '', ...keys] = argument.split(':');
  if (namespace === '') return 'a namespace is missing';
  const json = (facts: StreamFacts): Json | undefined => {
    let value: Json | undefined = root(facts, namespace);
    for (const key of keys)
      value =
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? (value as { readonly [key: string]: Json })[key]
          : undefined;
    return inOrder(value);
  };
  return { json, text: (facts) => textOf(json(facts)) };
}

/** Members of structs by their names, as Envoy prints them. */
function inOrder<T extends Json | undefined>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder) as unknown as T;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, inner]) => [name, inOrder(inner as Json)])) as T;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
}

export const METADATA_COMMANDS: Readonly<Record<string, MakeCommand>> = {
  DYNAMIC_METADATA: (argument) => lookUp(ROOTS['DYNAMIC'] as Root, argument),
  CLUSTER_METADATA: (argument) => lookUp(ROOTS['CLUSTER'] as Root, argument),
  UPSTREAM_METADATA: (argument) => lookUp(ROOTS['UPSTREAM_HOST'] as Root, argument),
  METADATA: (argument) => {
    const colon = argument.indexOf(':');
    const kind = colon < 0 ? argument : argument.slice(0, colon);
    const root = ROOTS[kind];
    if (root === undefined) return `metadata of '${kind}' is not known to this proxy`;
    return lookUp(root, argument.slice(colon + 1));
  },
};
