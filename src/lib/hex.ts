const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** One byte (0 to 255) as two digits, lower case. */
export function hex8(value: number): string {
  return HEX[value & 255] as string;
}

/** The low 16 bits as four digits. */
export function hex16(value: number): string {
  return `${HEX[(value >>> 8) & 255]}${HEX[value & 255]}`;
}

/** A 32-bit number as eight digits. */
export function hex32(value: number): string {
  return hex16(value >>> 16) + hex16(value & 0xffff);
}
