/** The first bytes of a PROXY header of version 2 (HAProxy, proxy-protocol.txt 2.2). */
const SIGNATURE_V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** What follows a PROXY header at the beginning of a connection; the bytes themselves where there is none. */
export function withoutProxyHeader(first: Buffer): Buffer {
  if (first.subarray(0, 6).toString('latin1') === 'PROXY ') return first.subarray(first.indexOf('\r\n') + 2);
  if (!first.subarray(0, SIGNATURE_V2.length).equals(SIGNATURE_V2)) return first;
  return first.subarray(16 + first.readUInt16BE(14));
}
