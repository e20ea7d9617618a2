import { type AnyMessage, any } from '../../xds/resources.ts';
import type { ProxyView } from '../compile.ts';
import type { Emitted } from '../emit/emitted.ts';
import type { ResourceBytes } from './encoded.ts';

/** What a proxy gets, in the form of Envoy's /config_dump. */
export interface ConfigDump {
  readonly configs: readonly AnyMessage[];
}

/** The parts of a dump that a command may ask for. */
export const DUMP_PARTS = ['listeners', 'routes', 'clusters', 'endpoints'] as const;
export type DumpPart = (typeof DUMP_PARTS)[number];

/** The dump of a view. Secrets are not part of it. */
export function configDump(
  view: ProxyView,
  bytes: ResourceBytes,
  parts: readonly DumpPart[] = DUMP_PARTS,
): ConfigDump {
  const versioned = (list: readonly Emitted[], field: string) =>
    list.map((emitted) => ({ version_info: bytes.of(emitted)?.version ?? '', [field]: emitted.object }));
  const makers: Readonly<Record<DumpPart, () => AnyMessage>> = {
    clusters: () =>
      any('envoy.admin.v3.ClustersConfigDump', {
        dynamic_active_clusters: versioned(view.clusters(), 'cluster'),
      }),
    listeners: () =>
      any('envoy.admin.v3.ListenersConfigDump', {
        dynamic_listeners: view.listeners().map((emitted) => ({
          name: emitted.name,
          active_state: versioned([emitted], 'listener')[0],
        })),
      }),
    routes: () =>
      any('envoy.admin.v3.RoutesConfigDump', {
        dynamic_route_configs: versioned(view.routes(), 'route_config'),
      }),
    endpoints: () =>
      any('envoy.admin.v3.EndpointsConfigDump', {
        dynamic_endpoint_configs: versioned(view.endpoints(), 'endpoint_config'),
      }),
  };
  return { configs: parts.map((part) => makers[part]()) };
}
