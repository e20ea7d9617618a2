import { isHttp, isTls } from '../../../mesh/protocol.ts';
import { addressListener } from '../../../xds/names.ts';
import { scopedServices } from '../../resolve/scoped-services.ts';
import { type EgressBind, sidecarScope } from '../../resolve/sidecars.ts';
import { settingsOfView } from '../../resolve/view-settings.ts';
import { view } from '../../resolve/views.ts';
import { keyOf, objectOf, originOf, type Read, step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
import { tlsInspector } from './listener-filters.ts';
import { connectionChains, httpChain, passthroughChain } from './outbound-chains.ts';
import { type ListenerParts, outboundListener } from './outbound-listener.ts';

/** Listeners at the addresses that a Sidecar's egress listeners name, by the view's key. */
export const egressBinds = step('egress binds', (read, viewKey): readonly EmittedListener[] => {
  const { sidecar, namespace } = read.of(view, viewKey);
  const scope = read.of(sidecarScope, keyOf(sidecar, namespace));
  if (scope === undefined || scope.binds.length === 0) return [];
  const resource = objectOf(read, 'networking.istio.io/Sidecar', scope.namespace, scope.name);
  const origins = resource === undefined ? [] : [originOf(resource, 'spec.egress')];
  return scope.binds.flatMap((bind) => {
    const name = addressListener(bind.address, bind.port);
    const parts = partsOf(read, viewKey, bind, name);
    if ((parts.filter_chains ?? []).length === 0) return [];
    const listener = outboundListener(name, bind.address, bind.port, parts, read.of(settingsOfView, viewKey));
    return [emittedListener({ ...listener, ...(bind.socket ? { bind_to_port: true } : {}) }, origins)];
  });
});

function isUsed(read: Read, viewKey: string, port: number): boolean {
  const { list } = read.of(scopedServices, viewKey);
  return list.some(({ ports }) => ports.some(({ number }) => number === port));
}

/** HTTP by the routes of the port; bytes to the first service that has it, TLS to the one that it names. */
function partsOf(read: Read, viewKey: string, bind: EgressBind, name: string): ListenerParts {
  const { port, protocol } = bind;
  if (isHttp(protocol)) {
    // What is intercepted at an address stays others' where no service has the port.
    if (!bind.socket && !isUsed(read, viewKey, port)) return {};
    const { filter_chain_match: _any, ...chain } = httpChain(read, viewKey, name, String(port));
    return { filter_chains: [chain] };
  }
  const users = read.of(scopedServices, viewKey).list.flatMap((service) => {
    const own = service.ports.find(({ number, protocol }) => number === port && !isHttp(protocol));
    return own === undefined ? [] : [{ service, own }];
  });
  if (!isTls(protocol)) {
    const [first] = users;
    return { filter_chains: first ? connectionChains(read, viewKey, first.service, first.own, false) : [] };
  }
  const chains = users.flatMap(({ service, own }) =>
    connectionChains(read, viewKey, service, own, true, { serverNames: [service.hostname] }),
  );
  // What is intercepted and names nobody goes where it went; what an application sends to a socket has no other way.
  const rest = bind.socket ? {} : { default_filter_chain: passthroughChain(read, viewKey) };
  return { filter_chains: chains, listener_filters: [tlsInspector()], ...rest };
}
