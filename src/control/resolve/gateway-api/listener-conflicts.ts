import type { RefProblem } from './conditions.ts';
import type { ListenerPlace } from './listener-place.ts';

/** Protocols that can be told apart by server name on one port. */
const LAYERS: Readonly<Record<string, string>> = { HTTP: 'http', HTTPS: 'tls', TLS: 'tls' };

/**
 * What keeps a listener from being opened beside those of its Gateway on the same port: another protocol, or the same
 * host. Of listeners of several objects the first keeps the port; within one object neither can be preferred.
 */
export function listenerConflict(all: readonly ListenerPlace[], index: number): RefProblem | undefined {
  const own = all[index];
  if (own === undefined) return undefined;
  for (const [i, other] of all.entries()) {
    if (i === index || other.spec.port !== own.spec.port) continue;
    if (i > index && !sameOwner(own, other)) continue;
    const where = `port ${own.spec.port}, as listener ${other.spec.name} of ${other.owner.kind} ${other.owner.name}`;
    const layer = LAYERS[own.spec.protocol] ?? own.spec.protocol;
    if (layer !== (LAYERS[other.spec.protocol] ?? other.spec.protocol))
      return { reason: 'ProtocolConflict', message: `another protocol on ${where}` };
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
