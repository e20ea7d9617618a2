import type { ExplicitPorts, Labels } from '../../../mesh/workload.ts';

/**
 * Ports of a Pod that shares its host's network: annotations `weft.dev/ports` (`9080:40001,9090:40002`, the port it
 * would have on a network of its own, then the one it has), `weft.dev/inbound-port` and `weft.dev/proxy-port`.
 * Undefined where they are not there or make no sense.
 */
export function explicitPorts(annotations: Labels): ExplicitPorts | undefined {
  const inboundPort = portNumber(annotations['weft.dev/inbound-port']);
  const proxyPort = portNumber(annotations['weft.dev/proxy-port']);
  if (inboundPort === undefined || proxyPort === undefined) return undefined;
  const ports = new Map<number, number>();
  for (const pair of (annotations['weft.dev/ports'] ?? '').split(',')) {
    const [from, to] = pair.trim().split(/[:=]/).map(portNumber);
    if (from !== undefined) ports.set(from, to ?? from);
  }
  return { ports, inboundPort, proxyPort };
}

function portNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text.trim())) return undefined;
  const number = Number(text);
  return number >= 1 && number <= 65535 ? number : undefined;
}
