/** /config_dump in the shape of envoy.admin.v3.ConfigDump, so that tools made for Envoy read it. Keys are never in it. */
import { virtualHostResource } from '../../xds/names.ts';
import type { Bootstrap, RouteConfiguration } from '../../xds/resources.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { AcceptedResource, ResourceTable } from '../configure/resource-table.ts';

const admin = (name: string): { readonly '@type': string } => ({
  '@type': `type.googleapis.com/envoy.admin.v3.${name}`,
});

export interface ConfigDumpInput {
  readonly bootstrap: Bootstrap;
  readonly accepted: ResourceTable;
  /** SDS names held, with what may be shown of each. */
  readonly secrets: readonly { readonly name: string; readonly chainPem: string | undefined }[];
}

/** envoy.admin.v3.ConfigDump. */
export interface ConfigDump {
  readonly configs: readonly { readonly [field: string]: unknown }[];
}

/** The dump; endpoints only where asked for (`?include_eds`), as Envoy does. */
export function configDump(
  { bootstrap, accepted, secrets }: ConfigDumpInput,
  includeEds: boolean,
): ConfigDump {
  const fixed = bootstrap.static_resources ?? {};
  const dynamic = (typeUrl: string, field: string) =>
    accepted.list(typeUrl).map((r) => entry(r, typeUrl, field));
  return {
    configs: [
      { ...admin('BootstrapConfigDump'), bootstrap: withoutKeys(bootstrap) },
      {
        ...admin('ClustersConfigDump'),
        static_clusters: (fixed.clusters ?? []).map((cluster) => ({
          cluster: typed(typeUrls.cluster, withoutKeys(cluster)),
        })),
        dynamic_active_clusters: dynamic(typeUrls.cluster, 'cluster'),
      },
      {
        ...admin('ListenersConfigDump'),
        static_listeners: (fixed.listeners ?? []).map((listener) => ({
          listener: typed(typeUrls.listener, withoutKeys(listener)),
        })),
        dynamic_listeners: accepted.list(typeUrls.listener).map((r) => ({
          name: r.resource.name,
          active_state: entry(r, typeUrls.listener, 'listener'),
        })),
      },
      {
        ...admin('RoutesConfigDump'),
        dynamic_route_configs: accepted.list(typeUrls.route).map((r) => withHosts(r, accepted)),
      },
      ...(includeEds
        ? [
            {
              ...admin('EndpointsConfigDump'),
              dynamic_endpoint_configs: dynamic(typeUrls.endpoint, 'endpoint_config'),
            },
          ]
        : []),
      {
        ...admin('SecretsConfigDump'),
        dynamic_active_secrets: secrets.map(({ name, chainPem }) => ({
          name,
          secret: shownSecret(name, chainPem),
        })),
      },
    ],
  };
}

/** A route configuration; with the virtual hosts that are held where they come one by one. */
function withHosts(routes: AcceptedResource, accepted: ResourceTable): object {
  const message = routes.message as RouteConfiguration;
  if (message.vhds === undefined) return entry(routes, typeUrls.route, 'route_config');
  const prefix = virtualHostResource(message.name ?? '', '');
  const hosts = accepted.list(typeUrls.virtualHost).filter((r) => r.resource.name.startsWith(prefix));
  const whole = { ...message, virtual_hosts: hosts.map((r) => r.message) };
  return entry({ ...routes, message: whole }, typeUrls.route, 'route_config');
}

function entry(accepted: AcceptedResource, typeUrl: string, field: string): object {
  return {
    version_info: accepted.resource.version,
    [field]: typed(typeUrl, withoutKeys(accepted.message as object)),
    last_updated: new Date(accepted.acceptedAtMs).toISOString(),
  };
}

function typed(typeUrl: string, message: object): object {
  return { '@type': typeUrl, ...message };
}

function shownSecret(name: string, chainPem: string | undefined): object {
  if (chainPem === undefined) return typed(typeUrls.secret, { name });
  const inline_bytes = Buffer.from(chainPem).toString('base64');
  return typed(typeUrls.secret, {
    name,
    tls_certificate: { certificate_chain: { inline_bytes }, private_key: { inline_string: '[redacted]' } },
  });
}

/** A copy in which no private key or other secret text stands, wherever it was written in line. */
export function withoutKeys<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (key, item) => (sensitive.has(key) ? '[redacted]' : item))) as T;
}

const sensitive: ReadonlySet<string> = new Set([
  'private_key',
  'password',
  'initial_metadata',
  'session_ticket_keys',
]);
