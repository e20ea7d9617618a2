import { hex8, hex16, hex32 } from '../../lib/hex.ts';
import type { Random } from '../../lib/random.ts';

/** A random UUID (RFC 9562, version 4) as x-request-id. Names a request in logs; proves nothing. */
export function requestId(random: Random): string {
  const a = random.uint32();
  const b = random.uint32();
  const c = random.uint32();
  const d = random.uint32();
  const version = ((b >>> 8) & 0x0f) | 0x40;
  const variant = ((c >>> 24) & 0x3f) | 0x80;
  return `${hex32(a)}-${hex16(b >>> 16)}-${hex8(version)}${hex8(b)}-${hex8(variant)}${hex8(c >>> 16)}-${hex16(c & 0xffff)}${hex32(d)}`;
}
