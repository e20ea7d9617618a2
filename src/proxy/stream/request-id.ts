import type { Random } from '../../lib/random.ts';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A random UUID (RFC 9562, version 4) as x-request-id. Names a request in logs; proves nothing. */
export function requestId(random: Random): string {
  const a = random.uint32();
  const b = random.uint32();
  const c = random.uint32();
  const d = random.uint32();
  const version = ((b >>> 8) & 0x0f) | 0x40;
  const variant = ((c >>> 24) & 0x3f) | 0x80;
  return `${hex32(a)}-${hex16(b >>> 16)}-${HEX[version]}${HEX[b & 255]}-${HEX[variant]}${HEX[(c >>> 16) & 255]}-${hex16(c & 0xffff)}${hex32(d)}`;
}

function hex16(value: number): string {
  return `${HEX[(value >>> 8) & 255]}${HEX[value & 255]}`;
}

function hex32(value: number): string {
  return hex16(value >>> 16) + hex16(value & 0xffff);
}
