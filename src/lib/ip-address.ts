// IP addresses as bytes: 4 for IPv4, 16 for IPv6. Text comes from configuration and sockets; comparison and
// prefixes work on bytes. An IPv4 address inside IPv6 (::ffff:10.0.0.1, which a dual-stack socket reports) is
// IPv4 here, so that one rule matches one host.

const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** 4 or 16 bytes, or undefined when the text is no address. A zone (`%eth0`) is ignored; IPv4-mapped becomes 4 bytes. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return bytes?.length === 16 && isIpv4Mapped(bytes) ? bytes.slice(12) : bytes;
}

/** Like {@link parseIpAddress}, but IPv4-mapped stays the 16 bytes as written. */
export function parseIpAddressAsWritten(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** The canonical text of 4 or 16 bytes (RFC 5952: lower case, the longest run of zero groups as `::`). */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/** True for the 16 bytes of ::ffff:a.b.c.d. */
export function isIpv4Mapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  // No leading zeros: 010.0.0.1 is octal to some readers and decimal to others.
  if (!IPV4.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part <= 255) ? Uint8Array.from(parts) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const address = text.split('%', 1)[0] ?? '';
  const halves = address.split('::');
  if (address.length > 45 || halves.length > 2) return undefined;
  const head = groupBytes(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupBytes(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

function groupBytes(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const ipv4 = mayEndInIpv4 && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
    i += length;
  }
  return best;
}
