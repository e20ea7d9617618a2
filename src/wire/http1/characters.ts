// Which bytes may stand where. Tables, because the parser asks for every byte.

/** tchar of RFC 9110 §5.6.2: methods and field names. */
export const TOKEN = table((c) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(c)));

/** Field values and reason phrases: visible ASCII, space, tab and obs-text (RFC 9110 §5.5); never CR, LF, NUL. */
export const FIELD_VALUE = table((c) => c === 9 || (c >= 32 && c !== 127));

/** Request targets: visible ASCII but '#', which never travels (RFC 9112 §3.2); servers differ on the rest. */
export const TARGET = table((c) => c > 32 && c < 127 && c !== 35);

/** Chunk extensions: as field values, without obs-text. */
export const CHUNK_EXTENSION = table((c) => c === 9 || (c >= 32 && c < 127));

/** Hex digits as value + 1, 0 for other bytes. */
export const HEX_DIGIT = Uint8Array.from({ length: 256 }, (_, c) => {
  const value = Number.parseInt(String.fromCharCode(c), 16);
  return Number.isNaN(value) ? 0 : value + 1;
});

/** Whether a text can be sent as a field name. */
export function isFieldName(name: string): boolean {
  return name !== '' && isAll(name, TOKEN);
}

/** Whether a text can be sent as a field value: latin1 without control characters, no space at either end. */
export function isFieldValue(value: string): boolean {
  return isAll(value, FIELD_VALUE) && value.trim() === value;
}

const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9\-._~%!$&'()*+;=]*)(?::\d{0,5})?$/;

/**
 * host [ ":" port ] of RFC 9110 §4.2.1, possibly empty. No user (RFC 9110 §4.2.4), and no comma: a list of hosts is
 * one host to some readers.
 */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

function isAll(text: string, allowed: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 255 || allowed[c] === 0) return false;
  }
  return true;
}

function table(includes: (c: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, c) => (includes(c) ? 1 : 0));
}
