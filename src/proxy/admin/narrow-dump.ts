/** A part of a configuration dump, as the query of /config_dump asks for it: `resource`, `mask`, `name_regex`. */
import { RE2JS } from 're2js';
import type { AdminAnswer } from './admin.ts';

type Message = { readonly [field: string]: unknown };

/** The lists of a dump, by the messages they are made of (envoy.admin.v3). */
const ENTRIES: Readonly<Record<string, string>> = {
  static_clusters: 'ClustersConfigDump.StaticCluster',
  dynamic_active_clusters: 'ClustersConfigDump.DynamicCluster',
  static_listeners: 'ListenersConfigDump.StaticListener',
  dynamic_listeners: 'ListenersConfigDump.DynamicListener',
  dynamic_route_configs: 'RoutesConfigDump.DynamicRouteConfig',
  dynamic_endpoint_configs: 'EndpointsConfigDump.DynamicEndpointConfig',
  dynamic_active_secrets: 'SecretsConfigDump.DynamicSecret',
};
/** Where an entry has the resource itself, and a resource its name. */
const RESOURCES = ['cluster', 'listener', 'route_config', 'endpoint_config', 'secret'] as const;

/** Narrows `configs`, or says why the query cannot be answered. */
export function narrowDump(
  configs: readonly Message[],
  query: URLSearchParams,
): { readonly configs: readonly Message[] } | AdminAnswer {
  const pattern = query.get('name_regex');
  let named: ((name: string) => boolean) | undefined;
  try {
    const compiled = pattern === null ? undefined : RE2JS.compile(pattern);
    named = compiled && ((name) => compiled.matches(name));
  } catch (error) {
    return {
      status: 400,
      body: `Error while parsing name_regex from ${pattern}: ${(error as Error).message}\n`,
    };
  }
  const kept = named === undefined ? configs : configs.map((config) => onlyNamed(config, named));
  const resource = query.get('resource');
  const chosen = resource === null ? kept : entriesOf(kept, resource);
  if (chosen === undefined) return { status: 404, body: `${resource} not found in config dump` };
  const mask = query.get('mask');
  return { configs: mask === null ? chosen : chosen.map((message) => masked(message, mask.split(','))) };
}

function entriesOf(configs: readonly Message[], resource: string): readonly Message[] | undefined {
  for (const config of configs) {
    const found = config[resource];
    if (found === undefined || resource === '@type') continue;
    if (!Array.isArray(found)) return [found as Message];
    const type = `type.googleapis.com/envoy.admin.v3.${ENTRIES[resource]}`;
    return found.map((entry: Message) => ({ '@type': type, ...entry }));
  }
  return undefined;
}

function onlyNamed(config: Message, named: (name: string) => boolean): Message {
  const fields = Object.entries(config).map(([key, value]) => [
    key,
    Array.isArray(value) && key in ENTRIES ? value.filter((entry) => named(nameOf(entry))) : value,
  ]);
  return Object.fromEntries(fields);
}

function nameOf(entry: Message): string {
  const { name } = entry;
  if (typeof name === 'string') return name;
  const resource = RESOURCES.map((key) => entry[key]).find((value) => value !== undefined) as
    | Message
    | undefined;
  return String(resource?.['name'] ?? resource?.['cluster_name'] ?? '');
}

/** The message with the fields of the paths alone (`cluster.name`), and its type. */
function masked(message: Message, paths: readonly string[]): Message {
  const kept: Record<string, unknown> = '@type' in message ? { '@type': message['@type'] } : {};
  for (const path of paths) {
    const [field = '', ...rest] = path.split('.');
    const value = message[field];
    if (value === undefined) continue;
    const isMessage = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (rest.length === 0) kept[field] = value;
    else if (isMessage)
      kept[field] = { ...(kept[field] as Message), ...masked(value as Message, [rest.join('.')]) };
  }
  return kept;
}
