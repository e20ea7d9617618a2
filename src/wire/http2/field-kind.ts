// What a header field means to HTTP/2, found once when its bytes are decoded and kept with the entry of the dynamic
// table: a field that comes again by index is neither copied nor checked again.

/** Kinds of field. Everything HTTP/2 has no rule for is REGULAR. */
export const FIELD = {
  REGULAR: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  PROTOCOL: 5,
  STATUS: 6,
  /** Connection-specific, or a pseudo-header nobody defined: malformed wherever it stands (RFC 9113 §8.2.2, §8.3). */
  FORBIDDEN: 7,
  /** Only the value `trailers` is allowed. */
  TE: 8,
  CONTENT_LENGTH: 9,
  /** May come in crumbs, which are put together again (RFC 9113 §8.2.3). */
  COOKIE: 10,
  HOST: 11,
} as const;

/** Added to the kind of a field whose name or value has characters it must not have. */
export const INVALID = 0x80;

const KIND_OF_NAME: ReadonlyMap<string, number> = new Map([
  [':method', FIELD.METHOD],
  [':scheme', FIELD.SCHEME],
  [':authority', FIELD.AUTHORITY],
  [':path', FIELD.PATH],
  [':protocol', FIELD.PROTOCOL],
  [':status', FIELD.STATUS],
  ['connection', FIELD.FORBIDDEN],
  ['keep-alive', FIELD.FORBIDDEN],
  ['proxy-connection', FIELD.FORBIDDEN],
  ['transfer-encoding', FIELD.FORBIDDEN],
  ['upgrade', FIELD.FORBIDDEN],
  ['http2-settings', FIELD.FORBIDDEN],
  ['te', FIELD.TE],
  ['content-length', FIELD.CONTENT_LENGTH],
  ['cookie', FIELD.COOKIE],
  ['host', FIELD.HOST],
]);

/** A token of RFC 9110 without upper case (RFC 9113 §8.2.1). */
const LOWER_TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;
/** Host and port: no space, no user info (RFC 9113 §8.3.1), no delimiter of another part. */
const AUTHORITY = /^[\w\-.~!$&'()*+,;=%:[\]]*$/;
/** No space or control character. Octets above 0x7f are tolerated, as in nghttp2; a fragment is the consumer's to refuse. */
const PATH = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;
const STATUS = /^[1-9]\d\d$/;
const DIGITS = /^\d{1,15}$/;

/** The kind of a name, with INVALID where it is no lower-case token. */
export function kindOfName(name: string): number {
  const kind = KIND_OF_NAME.get(name);
  if (kind !== undefined) return kind;
  if (name.startsWith(':')) return FIELD.FORBIDDEN;
  return LOWER_TOKEN.test(name) ? FIELD.REGULAR : INVALID;
}

/** The kind of a field, from its name's kind. `cleanValue`: no control character, no space at the ends (RFC 9113 §8.2.1). */
export function kindOfField(nameKind: number, value: string, cleanValue: boolean): number {
  if (nameKind === FIELD.REGULAR) return cleanValue ? FIELD.REGULAR : INVALID;
  return cleanValue && valueFits(nameKind, value) ? nameKind : nameKind | INVALID;
}

function valueFits(kind: number, value: string): boolean {
  switch (kind) {
    case FIELD.METHOD:
    case FIELD.PROTOCOL:
      return TOKEN.test(value);
    case FIELD.SCHEME:
      return SCHEME.test(value);
    case FIELD.AUTHORITY:
    case FIELD.HOST:
      return AUTHORITY.test(value);
    case FIELD.PATH:
      return PATH.test(value);
    case FIELD.STATUS:
      return STATUS.test(value);
    case FIELD.CONTENT_LENGTH:
      return DIGITS.test(value);
    case FIELD.TE:
      return value === 'trailers';
    default:
      return true;
  }
}
