// What stands in Envoy's session cookies: base64 of a message of two fields, `string address = 1` and
// `uint64 expires = 2` (seconds since 1970, 0 for no end), or of the bare address, as older versions wrote it.
// Bytes are the characters of a text here, as atob and btoa have them.

/** The address that a cookie names; undefined where it names none, is garbled or too old. */
export function addressOfSession(value: string, nowMs: number): string | undefined {
  const bytes = decodeBase64(value);
  if (bytes === undefined || bytes === '') return undefined;
  const told = readSession(bytes);
  if (told === undefined) return bytes;
  const { address, expires } = told;
  if (expires !== 0 && Math.floor(nowMs / 1000) > expires) return undefined;
  return address === '' ? undefined : address;
}

/** A cookie's value for an address; `expires` as above. */
export function sessionOf(address: string, expires: number): string {
  const told = `\n${varint(address.length)}${address}`;
  return btoa(expires === 0 ? told : `${told}\x10${varint(expires)}`);
}

/** Undefined for anything that base64 with its padding would not be written as. */
export function decodeBase64(text: string): string | undefined {
  try {
    const bytes = atob(text);
    return btoa(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function varint(value: number): string {
  return value < 0x80
    ? String.fromCharCode(value)
    : String.fromCharCode((value % 0x80) + 0x80) + varint(Math.floor(value / 0x80));
}

/** A place in bytes that are read. */
interface Place {
  readonly bytes: string;
  at: number;
}

/** Undefined where the bytes are no protobuf message. Fields that are not known are passed over. */
function readSession(bytes: string): { readonly address: string; readonly expires: number } | undefined {
  const place: Place = { bytes, at: 0 };
  let address = '';
  let expires = 0;
  while (place.at < bytes.length) {
    const key = readVarint(place);
    if (key === undefined || key < 8) return undefined;
    const value = readValue(place, key % 8);
    if (value === undefined) return undefined;
    if (key === 10) address = value as string;
    if (key === 16) expires = value as number;
  }
  return { address, expires };
}

function readValue(place: Place, wireType: number): string | number | undefined {
  if (wireType === 0) return readVarint(place);
  const length = wireType === 1 ? 8 : wireType === 5 ? 4 : wireType === 2 ? readVarint(place) : undefined;
  if (length === undefined || place.at + length > place.bytes.length) return undefined;
  place.at += length;
  return place.bytes.slice(place.at - length, place.at);
}

const MAX_VARINT_BYTES = 10;

function readVarint(place: Place): number | undefined {
  let value = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    if (place.at >= place.bytes.length) return undefined;
    const byte = place.bytes.charCodeAt(place.at++);
    value += (byte & 0x7f) * 0x80 ** i;
    if (byte < 0x80) return value;
  }
  return undefined;
}
