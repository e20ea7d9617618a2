/**
 * Connection managers as the control plane makes them of policies, in the bootstrap of both proxies: one listener a
 * mesh, in front of an upstream that answers with what it saw. So that what is shown holds for what users write, and not
 * only for filters that a test has put together.
 */
import type { ProxyView } from '../../../src/control/compile.ts';
import { meshOf, proxyOf } from '../../../src/testing/compiled-mesh.ts';
import { type FilterChain, type HttpConnectionManager, messageOf } from '../../../src/xds/resources.ts';
import { type Ports, startPair } from '../harness.ts';
import { address } from '../http-bootstrap.ts';
import { SawUpstream } from './saw-upstream.ts';

/** One mesh, and whose connection manager is meant. */
export interface GuardedMesh {
  readonly name: string;
  readonly yaml: string;
  /** As in `weft dump`. */
  readonly who: string;
  readonly labels?: Readonly<Record<string, string>>;
}

type Manager = HttpConnectionManager & { readonly '@type': string };

/** The connection manager with most filters: the one that has the policies. */
export function managerOf({ yaml, who, labels }: GuardedMesh): Manager {
  const view = proxyOf(meshOf(yaml), who, labels);
  const managers = view
    .listeners()
    .filter(({ object }) => object.traffic_direction !== 'OUTBOUND' || who.startsWith('router'))
    .flatMap(({ object }) => (object.filter_chains ?? []).flatMap(managersIn));
  const [found] = managers.sort((a, b) => (b.http_filters?.length ?? 0) - (a.http_filters?.length ?? 0));
  if (found === undefined) throw new Error(`${who} has no connection manager`);
  return withRoutes(found, view);
}

function managersIn({ filters = [] }: FilterChain): Manager[] {
  return filters.flatMap(({ typed_config }) =>
    messageOf(typed_config?.['@type'] ?? '').endsWith('.HttpConnectionManager')
      ? [typed_config as unknown as Manager]
      : [],
  );
}

/** Routes of a router come over RDS: they are put into it. All lead to the one upstream. */
function withRoutes(manager: Manager, view: ProxyView): Manager {
  const { rds, ...own } = manager;
  const named = rds === undefined ? undefined : view.routes([rds.route_config_name ?? ''])[0]?.object;
  const routes = JSON.stringify(named ?? own.route_config).replace(/"cluster":"[^"]*"/g, '"cluster":"saw"');
  const { access_log: _log, tracing: _tracing, ...quiet } = own;
  return { ...quiet, route_config: { ...JSON.parse(routes), validate_clusters: false } } as Manager;
}

export interface GuardedPair {
  /** Port of a mesh's listener. */
  port(side: 'envoy' | 'weft', index: number): number;
  readonly upstream: SawUpstream;
  stop(): Promise<void>;
}

/** Both proxies with a listener a mesh; undefined where there is no Envoy. */
export async function startGuarded(meshes: readonly GuardedMesh[]): Promise<GuardedPair | undefined> {
  const upstream = await SawUpstream.listen();
  const managers = meshes.map(managerOf);
  const pair = await startPair((ports) => bootstrapOf(managers, ports, upstream.port), meshes.length, 0);
  if (pair === undefined) {
    upstream.close();
    return undefined;
  }
  return {
    port: (side, index) => pair[side].ports.listeners[index] as number,
    upstream,
    async stop() {
      await pair.stop();
      upstream.close();
    },
  };
}

function bootstrapOf(managers: readonly Manager[], { admin, listeners }: Ports, port: number): object {
  return {
    node: { id: 'node', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      clusters: [
        {
          name: 'saw',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'saw',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
          },
        },
      ],
      listeners: managers.map((typed_config, index) => ({
        name: `mesh-${index}`,
        address: address(listeners[index] as number),
        filter_chains: [{ filters: [{ name: 'http', typed_config }] }],
      })),
    },
  };
}
