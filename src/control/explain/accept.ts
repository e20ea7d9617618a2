import { deciderOfPort } from '../../mesh/policy.ts';
import type { PeerFacts } from '../../xds/match/facts.ts';
import { wellKnownNames } from '../../xds/names.ts';
import type { FilterChain } from '../../xds/resources.ts';
import { peerModes, peerModesKey } from '../resolve/peer-authentication.ts';
import { because, objectText } from './because.ts';
import { addressText, type Connection, type TlsLayer } from './connection.ts';
import { cut, type Ending } from './ending.ts';
import { NOBODY } from './explanation.ts';
import type { Held, Side } from './held.ts';
import type { Request } from './http/request.ts';
import { inspect } from './inspect.ts';
import { runNetworkFilters } from './network-filters.ts';
import { factsText, matchText, pickChain } from './pick-chain.ts';
import { type PickedListener, pickBound, pickRedirected } from './pick-listener.ts';
import type { ExplainedProxy } from './proxy.ts';
import type { Scene } from './scene.ts';
import { kindOfTls, openTls } from './tls.ts';

/**
 * One connection that a proxy takes: listener, filter chain, TLS, network filters. This file reads top to bottom as
 * that way. `request` is what the connection carries where that is HTTP.
 */
export function accept(
  scene: Scene,
  proxy: ExplainedProxy,
  side: Side,
  connection: Connection,
  request: Request | undefined,
): Ending {
  const { trace } = scene;
  trace.enter(`${proxy.name} ${side}`);
  const hop = trace.hop(proxy.name, side);
  const picked = pickListener(proxy, side, connection);
  if (picked === undefined) {
    hop.problem = 'no-listener';
    trace.step(`nobody listens at port ${connection.destination.port} of ${proxy.name}`);
    return cut('refuse', 'connect', 'none');
  }
  hop.listener = picked.listener.name;
  sayListener(scene, picked, connection);
  return choose(scene, { proxy, side, hop, picked }, connection, request);
}

function pickListener(proxy: ExplainedProxy, side: Side, connection: Connection): PickedListener | undefined {
  if (side === 'gateway') return pickBound(proxy, connection);
  const redirected = pickRedirected(proxy, side === 'outbound' ? 'OUTBOUND' : 'INBOUND', connection);
  if (redirected !== undefined || side === 'inbound') return redirected ?? pickBound(proxy, connection);
  // Nothing is redirected on a shared host: applications are told to use a forward proxy.
  const listener = proxy.listener(wellKnownNames.httpProxy);
  return listener && { listener, acceptedBy: listener };
}

function sayListener(scene: Scene, { listener, acceptedBy }: PickedListener, connection: Connection): void {
  const to = addressText(connection.destination);
  const service = scene.places.serviceAt(connection.destination.address, connection.destination.port);
  const origin =
    listener.provenance.find(
      ({ kind, namespace, name }) =>
        service !== undefined &&
        service.origin.kind === kind &&
        service.namespace === namespace &&
        service.name === name,
    ) ?? listener.provenance[0];
  const how =
    listener === acceptedBy
      ? `listener ${listener.name} takes the connection to ${to}`
      : `${acceptedBy.name} hands the connection to ${to} over to listener ${listener.name}`;
  scene.trace.step(how, because(scene.places.mesh, origin));
}

function choose(scene: Scene, held: Held, connection: Connection, request: Request | undefined): Ending {
  const { hop, picked } = held;
  const facts = inspect(picked.listener.object, connection);
  const { chain, instead } = pickChain(picked.listener.object, facts);
  const reason = because(scene.places.mesh, decidesAboutTls(scene, held, connection));
  if (chain === undefined) {
    hop.problem = 'no-filter-chain';
    scene.trace.deniedBy ??= decidesAboutTls(scene, held, connection);
    scene.trace.step(`no filter chain takes ${factsText(facts)}: the connection is closed`, reason, instead);
    return cut('refuse', connection.layers.length > 0 ? 'connect' : 'reset', kindOfTls(connection));
  }
  hop.filterChain = chain.name ?? '';
  const mtls = chain.transport_socket === undefined ? NOBODY : reason;
  scene.trace.step(`filter chain ${matchText(chain)} takes ${factsText(facts)}`, mtls, instead);
  return open(scene, held, chain, connection, request);
}

/** The policy about mutual TLS that holds at a workload's door. */
function decidesAboutTls({ places }: Scene, { side, proxy }: Held, { destination }: Connection) {
  if (side !== 'inbound' || proxy.workload === undefined) return undefined;
  const { namespace, labels } = proxy.workload;
  return deciderOfPort(places.mesh.read.of(peerModes, peerModesKey(namespace, labels)), destination.port);
}

function open(
  scene: Scene,
  held: Held,
  chain: FilterChain,
  connection: Connection,
  request: Request | undefined,
): Ending {
  const opened = openTls(scene.places.mesh, held.proxy, chain, connection);
  if ('failure' in opened) {
    held.hop.problem = 'tls';
    const origin = decidesAboutTls(scene, held, connection);
    scene.trace.deniedBy ??= origin;
    const by = origin === undefined ? '' : ` (${objectText(origin)})`;
    scene.trace.step(`the TLS handshake fails: ${opened.failure}${by}`, because(scene.places.mesh, origin));
    return cut('refuse', 'connect', kindOfTls(connection));
  }
  const { layer } = opened;
  if (layer !== undefined) scene.trace.step(openedText(layer));
  const peer = peerFacts(connection, layer);
  return runNetworkFilters(scene, held, chain, {
    connection: opened.connection,
    peer,
    opened: layer,
    request,
  });
}

function openedText(layer: TlsLayer): string {
  if (layer.shows === '') return 'TLS ends here; the caller shows no certificate';
  return `${layer.mesh ? 'mutual TLS of the mesh' : 'mutual TLS'} ends here; the caller is ${layer.shows}`;
}

function peerFacts(connection: Connection, layer: TlsLayer | undefined): PeerFacts {
  const { source, destination, layers } = connection;
  const shown = layer?.shows ?? '';
  return {
    directRemoteAddress: source.address,
    remoteAddress: source.address,
    destinationAddress: destination.address,
    destinationPort: destination.port,
    requestedServerName: layers[0]?.serverName ?? '',
    principals: shown === '' ? [] : [shown],
    // What nobody trusts ends before, but where the server takes any certificate.
    presented: shown !== '',
    validated: shown !== '',
    metadata: () => undefined,
  };
}
