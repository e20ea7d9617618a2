import type { Endpoint } from '../../../mesh/endpoint.ts';
import { modeOfPort } from '../../../mesh/policy.ts';
import { peerModes, peerModesKey, plainTextWanted } from '../../resolve/peer-authentication.ts';
import type { Read } from '../../resolve/world.ts';

/**
 * Endpoints as clients may call them at a port of the service: one whose PeerAuthentication takes plain text only is not
 * called with TLS of the mesh, though it has a proxy (Istio's automatic mutual TLS).
 */
export function asPeersTakeThem(
  read: Read,
  endpoints: readonly Endpoint[],
  port: number,
): readonly Endpoint[] {
  if (!read.of(plainTextWanted, '')) return endpoints;
  return endpoints.map((endpoint) =>
    endpoint.mtls && takesPlainTextOnly(read, endpoint, port) ? { ...endpoint, mtls: false } : endpoint,
  );
}

function takesPlainTextOnly(read: Read, { namespace, labels, ports }: Endpoint, port: number): boolean {
  const modes = read.of(peerModes, peerModesKey(namespace, labels));
  return modeOfPort(modes, ports.get(port) ?? port) === 'disable';
}
