import { equalsLowerCase, type Headers } from '../headers.ts';
import { listHas } from './facts.ts';

// What belongs to one connection and must not be passed on to the next (RFC 9110 §7.6.1). The serializer writes the
// next connection's own (HopFields).

/**
 * Fields that Connection may not take away: their removal changes what the request means or who sent it, and a client
 * could ask for it to get past checks.
 */
const NOT_REMOVABLE = new Set([
  'host',
  'content-length',
  'content-type',
  'authorization',
  'cookie',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-client-cert',
  'x-request-id',
]);

/** Takes out hop-by-hop fields in place, those named by Connection included. Of TE `trailers` stays: gRPC needs it. */
export function removeHopByHop(headers: Headers): void {
  let nominated: readonly string[] | undefined;
  let found = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!isHopByHop(name, headers[i + 1] as string)) continue;
    found = true;
    if (name.length === 2) headers[i + 1] = onlyTrailers(headers[i + 1] as string);
    if (equalsLowerCase(name, 'connection')) nominated = nominate(nominated, headers[i + 1] as string);
  }
  if (found) compact(headers, nominated);
}

function compact(headers: Headers, nominated: readonly string[] | undefined): void {
  let to = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name.length === 2 && equalsLowerCase(name, 'te') && listHas(value, 'trailers')) {
      headers[to++] = name;
      headers[to++] = 'trailers';
      continue;
    }
    if (isHopByHop(name, value) || nominated?.includes(name.toLowerCase())) continue;
    headers[to] = name;
    headers[to + 1] = value;
    to += 2;
  }
  headers.length = to;
}

/** Of what TE says, the part that may go on: that the caller takes trailers. */
function onlyTrailers(te: string): string {
  return te.split(',').some((coding) => equalsLowerCase(coding.trim(), 'trailers')) ? 'trailers' : '';
}

function isHopByHop(name: string, value: string): boolean {
  switch (name.length) {
    case 2:
      return equalsLowerCase(name, 'te') && !equalsLowerCase(value, 'trailers');
    case 7:
      return equalsLowerCase(name, 'upgrade');
    case 10:
      return equalsLowerCase(name, 'connection') || equalsLowerCase(name, 'keep-alive');
    case 16:
      return equalsLowerCase(name, 'proxy-connection');
    case 17:
      return equalsLowerCase(name, 'transfer-encoding');
    default:
      return false;
  }
}

/** Names in a Connection value, but for the ones that say nothing about other fields. */
function nominate(before: readonly string[] | undefined, value: string): readonly string[] | undefined {
  if (equalsLowerCase(value, 'keep-alive') || equalsLowerCase(value, 'close')) return before;
  const names = value
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !NOT_REMOVABLE.has(name) && name !== 'te');
  return [...(before ?? []), ...names];
}
