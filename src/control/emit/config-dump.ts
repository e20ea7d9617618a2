import { wellKnownNames } from '../../xds/names.ts';
import { type AnyMessage, any, messageOf } from '../../xds/resources.ts';
import type { Emitted } from './emitted.ts';

/** All that a proxy gets, by kind. */
export interface DumpInput {
  readonly nodeId: string;
  /** Version of all resources, as the control plane counts. */
  readonly version: string;
  readonly listeners: readonly Emitted[];
  readonly clusters: readonly Emitted[];
  readonly routes: readonly Emitted[];
  readonly endpoints: readonly Emitted[];
  /** Whether the proxy has taken a resource, as Envoy's ClientResourceStatus; undefined where nobody knows. */
  readonly clientStatus?: (emitted: Emitted) => string | undefined;
}

/** What `/config_dump` of a proxy with these resources says (envoy.admin.v3.ConfigDump). Secrets are names only. */
export interface ConfigDump {
  readonly configs: readonly AnyMessage[];
}

export function configDump(input: DumpInput): ConfigDump {
  const version_info = input.version;
  const status = (emitted: Emitted): { readonly client_status?: string } => {
    const client_status = input.clientStatus?.(emitted);
    return client_status === undefined ? {} : { client_status };
  };
  return {
    configs: [
      dump('BootstrapConfigDump', { bootstrap: { node: { id: input.nodeId } } }),
      dump('ClustersConfigDump', {
        version_info,
        dynamic_active_clusters: input.clusters.map((cluster) => ({
          version_info,
          cluster: typed(cluster),
          ...status(cluster),
        })),
      }),
      dump('ListenersConfigDump', {
        version_info,
        dynamic_listeners: input.listeners.map((listener) => ({
          name: listener.name,
          active_state: { version_info, listener: typed(listener) },
          ...status(listener),
        })),
      }),
      dump('RoutesConfigDump', {
        dynamic_route_configs: input.routes.map((routes) => ({
          version_info,
          route_config: typed(routes),
          ...status(routes),
        })),
      }),
      dump('EndpointsConfigDump', {
        dynamic_endpoint_configs: input.endpoints.map((endpoints) => ({
          version_info,
          endpoint_config: typed(endpoints),
          ...status(endpoints),
        })),
      }),
      dump('SecretsConfigDump', { dynamic_active_secrets: secretNames(input).map((name) => ({ name })) }),
    ],
  };
}

function dump(name: string, fields: object): AnyMessage {
  return any(`envoy.admin.v3.${name}`, fields);
}

function typed({ typeUrl, object }: Emitted): AnyMessage {
  return any(messageOf(typeUrl), object);
}

/** Names of all secrets that listeners and clusters ask for, sorted. */
function secretNames({ listeners, clusters }: DumpInput): readonly string[] {
  const names = new Set<string>([wellKnownNames.ownCertificate, wellKnownNames.trustBundle]);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('sds_config' in value && 'name' in value && typeof value.name === 'string') names.add(value.name);
    for (const part of Object.values(value)) visit(part);
  };
  for (const { object } of [...listeners, ...clusters]) visit(object);
  return [...names].sort();
}
