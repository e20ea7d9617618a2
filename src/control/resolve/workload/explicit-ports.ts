import { defined } from '../../../lib/defined.ts';
import type { ExplicitPorts, Labels } from '../../../mesh/workload.ts';

/**
 * Ports of a Pod that shares its host's network: annotations `weft.dev/ports` (`9080:40001,9090:40002`, the port it
 * would have on a network of its own, then the one it has), `weft.dev/inbound-port` and `weft.dev/proxy-port`.
 * Undefined where none of them is there.
 */
export function explicitPorts(annotations: Labels): ExplicitPorts | undefined {
  const inboundPort = portNumber(annotations['weft.dev/inbound-port']);
  const proxyPort = portNumber(annotations['weft.dev/proxy-port']);
  const pairs = annotations['weft.dev/ports'];
  if (pairs === undefined && inboundPort === undefined && proxyPort === undefined) return undefined;
  const ports = new Map<number, number>();
  for (const pair of (pairs ?? '').split(',')) {
    const [from, to] = pair.split(':').map(portNumber);
    if (from !== undefined) ports.set(from, to ?? from);
  }
  return { ports, ...defined({ inboundPort, proxyPort }) };
}

function portNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*\d{1,5}\s*$/.test(text)) return undefined;
  const number = Number(text);
  return number >= 1 && number <= 65535 ? number : undefined;
}
