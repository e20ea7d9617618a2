// Header fields of a message, as every codec hands them on: one flat array, name, value, name, value, with the
// order and the case they came in. Names are compared without case; values are latin1 (one character per byte).
// A flat array costs one allocation a message; a look-up compares lengths first and is cheap at real sizes.

/** [name, value, name, value, ...]. Owned by whoever holds the message: the functions below change it in place. */
export type Headers = string[];

/** The first value of a header, or undefined. `lowerName` must be lower case. */
export function getHeader(headers: Headers, lowerName: string): string | undefined {
  const i = indexOfHeader(headers, lowerName, 0);
  return i < 0 ? undefined : headers[i + 1];
}

/** All values of a header in order, joined by ', ' (RFC 9110 §5.3), or undefined. Not for set-cookie. */
export function getJoinedHeader(headers: Headers, lowerName: string): string | undefined {
  let i = indexOfHeader(headers, lowerName, 0);
  if (i < 0) return undefined;
  let joined = headers[i + 1] as string;
  for (;;) {
    i = indexOfHeader(headers, lowerName, i + 2);
    if (i < 0) return joined;
    joined += `, ${headers[i + 1]}`;
  }
}

/** Index of the name at or after `from` (an even index), or -1. */
export function indexOfHeader(headers: Headers, lowerName: string, from: number): number {
  const { length } = lowerName;
  for (let i = from; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length === length && equalsLowerCase(name, lowerName)) return i;
  }
  return -1;
}

/** Replaces the first value and drops the others, or appends. Keeps place and case of an existing name. */
export function setHeader(headers: Headers, lowerName: string, value: string): void {
  const i = indexOfHeader(headers, lowerName, 0);
  if (i < 0) {
    headers.push(lowerName, value);
    return;
  }
  headers[i + 1] = value;
  removeFrom(headers, lowerName, i + 2);
}

/** Adds a line, whatever is there already. */
export function appendHeader(headers: Headers, name: string, value: string): void {
  headers.push(name, value);
}

/** Drops every line of that name; true when there was one. */
export function removeHeader(headers: Headers, lowerName: string): boolean {
  const i = indexOfHeader(headers, lowerName, 0);
  if (i >= 0) removeFrom(headers, lowerName, i);
  return i >= 0;
}

/** Whether `name` in any case is `lowerName`. From the end: many names begin alike. */
export function equalsLowerCase(name: string, lowerName: string): boolean {
  let i = name.length;
  if (i !== lowerName.length) return false;
  while (--i >= 0) {
    const c = name.charCodeAt(i);
    if (c !== lowerName.charCodeAt(i) && (c < 65 || c > 90 || c + 32 !== lowerName.charCodeAt(i)))
      return false;
  }
  return true;
}

function removeFrom(headers: Headers, lowerName: string, from: number): void {
  let i = indexOfHeader(headers, lowerName, from);
  if (i < 0) return;
  let to = i;
  for (i += 2; i < headers.length; i += 2) {
    if (equalsLowerCase(headers[i] as string, lowerName)) continue;
    headers[to] = headers[i] as string;
    headers[to + 1] = headers[i + 1] as string;
    to += 2;
  }
  headers.length = to;
}
