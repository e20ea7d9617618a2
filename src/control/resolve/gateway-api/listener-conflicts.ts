import { hostMatches } from '../../../mesh/hostname.ts';
import type { RefProblem } from './conditions.ts';
import type { ListenerPlace } from './listener-place.ts';

/** Protocols that can be told apart by server name on one port. */
const LAYERS: Readonly<Record<string, string>> = { HTTP: 'http', HTTPS: 'tls', TLS: 'tls', TCP: 'tcp' };

/**
 * What keeps a listener from being opened beside those of its Gateway on the same port: another protocol, or the same
 * host. Of listeners of several objects the first keeps the port; within one object neither can be preferred.
 */
export function listenerConflict(all: readonly ListenerPlace[], index: number): RefProblem | undefined {
  const own = all[index];
  if (own === undefined || LAYERS[own.spec.protocol] === undefined) return undefined;
  for (const [i, other] of all.entries()) {
    if (i === index || other.spec.port !== own.spec.port) continue;
    if (i > index && !sameOwner(own, other)) continue;
    const [layer, otherLayer] = [LAYERS[own.spec.protocol], LAYERS[other.spec.protocol]];
    // What is not opened is in nobody's way.
    if (otherLayer === undefined) continue;
    const where = `port ${own.spec.port}, as listener ${other.spec.name} of ${other.owner.kind} ${other.owner.name}`;
    if (layer !== otherLayer) return { reason: 'ProtocolConflict', message: `another protocol on ${where}` };
    if ((own.spec.hostname ?? '') === (other.spec.hostname ?? ''))
      return { reason: 'HostnameConflict', message: `the same host on ${where}` };
  }
  return undefined;
}

function sameOwner(a: ListenerPlace, b: ListenerPlace): boolean {
  return (
    a.owner.kind === b.owner.kind && a.owner.namespace === b.owner.namespace && a.owner.name === b.owner.name
  );
}

/** Whether another listener of the Gateway ends TLS on the port for a host that this one has, too. */
export function overlapsInTls(all: readonly ListenerPlace[], index: number): boolean {
  const own = all[index];
  if (own?.spec.protocol !== 'HTTPS') return false;
  const host = own.spec.hostname || '*';
  return all.some(({ spec }, i) => {
    if (i === index || spec.port !== own.spec.port || spec.protocol !== 'HTTPS') return false;
    const other = spec.hostname || '*';
    return hostMatches(other, host) || hostMatches(host, other);
  });
}
