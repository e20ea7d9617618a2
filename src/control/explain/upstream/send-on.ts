import type { Origin } from '../../../mesh/origin.ts';
import { matchesLabels } from '../../../mesh/workload.ts';
import { parseClusterName, wellKnownNames } from '../../../xds/names.ts';
import type { Cluster } from '../../../xds/resources.ts';
import type { EmittedCluster } from '../../emit/emitted.ts';
import { unenforcedAt } from '../../resolve/authorization/unenforced.ts';
import { because, objectText } from '../because.ts';
import { addressText, type Connection, type TlsLayer } from '../connection.ts';
import type { Ending } from '../ending.ts';
import type { Held } from '../held.ts';
import type { Request } from '../http/request.ts';
import type { Scene } from '../scene.ts';
import { beginTls } from './begin-tls.ts';
import { type PickedEndpoint, type PickWish, pickEndpoint } from './pick-endpoint.ts';

/** What comes of sending something to a cluster. */
export type Reached =
  | { readonly kind: 'sent'; readonly ending: Ending }
  | { readonly kind: 'no-cluster' | 'no-endpoint' | 'blackhole' };

/**
 * Sends a connection, with the request it is for where that is HTTP, to an endpoint of a cluster. `takesName`: the
 * request's host becomes the endpoint's name, where it has one.
 */
export function sendOn(
  scene: Scene,
  held: Held,
  name: string,
  connection: Connection,
  request: Request | undefined,
  { takesName = false, ...wish }: PickWish & { readonly takesName?: boolean } = {},
): Reached {
  const { trace } = scene;
  const cluster = held.proxy.cluster(name);
  if (cluster === undefined) {
    trace.step(
      `there is no cluster ${name}: a host or subset that nobody defines, or that this proxy does not see`,
    );
    return { kind: 'no-cluster' };
  }
  sayCluster(scene, cluster);
  if (name === wellKnownNames.blackHoleCluster) return { kind: 'blackhole' };
  const endpoint = pickEndpoint(scene, held.proxy, cluster.object, connection.destination, request, wish);
  if (endpoint === undefined) {
    trace.step(`cluster ${name} has no endpoints`);
    sayClosed(scene, name);
    return { kind: 'no-endpoint' };
  }
  held.hop.endpoint = addressText(endpoint.at);
  const onward = onwardConnection(scene, held, cluster.object, endpoint, connection, request);
  const named = takesName && endpoint.hostname !== '' && request !== undefined;
  const sent = named ? { ...request, authority: endpoint.hostname } : request;
  const deeper = { ...scene, depth: scene.depth + 1 };
  const ending =
    held.side === 'inbound'
      ? scene.hand(deeper, held.proxy, onward, sent)
      : scene.arrive(deeper, onward, sent);
  const known = name !== wellKnownNames.passthroughCluster || ending.outcome !== 'forward';
  return { kind: 'sent', ending: known ? ending : { ...ending, outcome: 'passthrough' } };
}

/** Whether nothing is sent there because policies that hold there are enforced by nobody. */
function sayClosed({ places, trace }: Scene, cluster: string): void {
  const parsed = parseClusterName(cluster);
  const service = parsed?.direction === 'outbound' ? places.serviceNamed(parsed.hostname) : undefined;
  if (service?.selector === undefined) return;
  for (const workload of places.workloads) {
    if (workload.namespace !== service.namespace || !matchesLabels(service.selector, workload.labels))
      continue;
    const [policy] = unenforcedAt(places.mesh.read, workload);
    if (policy === undefined) continue;
    const { origin } = policy;
    trace.deniedBy ??= origin;
    trace.step(
      `nothing is sent to ${workload.namespace}/${workload.owner}: no proxy stands before it that could enforce ${objectText(origin)}`,
      because(places.mesh, origin),
    );
    return;
  }
}

function sayCluster(scene: Scene, { name, provenance }: EmittedCluster): void {
  const parsed = parseClusterName(name);
  const isSubset = parsed?.direction === 'outbound' && parsed.subset !== '';
  const subset = isSubset
    ? provenance.find(({ field }) => field?.startsWith('spec.subsets') === true)
    : undefined;
  const reason: Origin | undefined = subset ?? provenance[0];
  scene.trace.step(`cluster ${name}`, because(scene.places.mesh, reason));
}

function onwardConnection(
  scene: Scene,
  { proxy, side }: Held,
  cluster: Cluster,
  { at, metadata }: PickedEndpoint,
  connection: Connection,
  request: Request | undefined,
): Connection {
  const layer = beginTls(scene.places.mesh, proxy, cluster, metadata, request?.authority ?? '');
  if (layer !== undefined) scene.trace.step(`with ${layerText(layer)}`);
  else if (side !== 'inbound') scene.trace.step('without TLS of the proxy');
  return {
    source: { address: proxy.address, port: SOURCE_PORT },
    destination: at,
    layers: layer === undefined ? connection.layers : [layer, ...connection.layers],
    content:
      connection.content === 'tcp' || connection.layers.length > 0
        ? connection.content
        : spoken(cluster, connection),
  };
}

/** Some port of the proxy's own. */
const SOURCE_PORT = 40_000;

function layerText({ mesh, shows, serverName }: TlsLayer): string {
  const name = serverName === '' ? '' : ` for ${serverName}`;
  if (mesh) return `mutual TLS of the mesh${name}`;
  return `${shows === '' ? 'TLS' : 'mutual TLS'}${name}`;
}

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** What is spoken to the endpoints of a cluster, for a client that speaks HTTP. */
function spoken(
  { typed_extension_protocol_options: all }: Cluster,
  { content }: Connection,
): Connection['content'] {
  const options = all?.[HTTP_OPTIONS] as
    | {
        readonly explicit_http_config?: { readonly http2_protocol_options?: object };
        readonly use_downstream_protocol_config?: object;
      }
    | undefined;
  if (options?.use_downstream_protocol_config !== undefined) return content;
  return options?.explicit_http_config?.http2_protocol_options === undefined ? 'http/1.1' : 'h2c';
}
