// The PROXY protocol (haproxy.org/download/3.0/doc/proxy-protocol.txt): who a connection comes from, told in front of
// its first byte. Pure: addresses in, bytes out, and back (decode.ts). Called by upstream connections (encode) and by
// the listener filter (decode). Never happens: names instead of addresses, bytes of the connection itself.

import { parseIpAddress } from '../../lib/ip-address.ts';

/** One end of a connection: an IP address and a port. */
export interface ProxiedEnd {
  readonly address: string;
  readonly port: number;
}

/** Who called, and whom. */
export interface ProxiedConnection {
  readonly source: ProxiedEnd;
  readonly destination: ProxiedEnd;
}

/** What every header of version 2 begins with. */
export const PROXY_V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;

/** Version 1, a line of text. Ends of different families, or none at all, are `UNKNOWN`. */
export function encodeProxyV1({ source, destination }: ProxiedConnection): Buffer {
  const [from, to] = [parseIpAddress(source.address), parseIpAddress(destination.address)];
  if (from === undefined || to === undefined || from.length !== to.length)
    return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const family = from.length === 4 ? 'TCP4' : 'TCP6';
  const line = `PROXY ${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`;
  return Buffer.from(line, 'latin1');
}

/** Version 2; undefined for a connection of the proxy's own (LOCAL). */
export function encodeProxyV2(connection: ProxiedConnection | undefined): Buffer {
  const from = parseIpAddress(connection?.source.address ?? '');
  const to = parseIpAddress(connection?.destination.address ?? '');
  if (connection === undefined || from === undefined || to === undefined || from.length !== to.length)
    return Buffer.concat([PROXY_V2_SIGNATURE, Buffer.from([V2_LOCAL, 0, 0, 0])]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(connection.source.port, 0);
  ports.writeUInt16BE(connection.destination.port, 2);
  const length = from.length * 2 + ports.length;
  const family = from.length === 4 ? TCP4 : TCP6;
  return Buffer.concat([PROXY_V2_SIGNATURE, Buffer.from([V2_PROXY, family, 0, length]), from, to, ports]);
}
