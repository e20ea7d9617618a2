import { hostPort } from '../../../../lib/host-port.ts';
import { xxHash64 } from '../../../../lib/xxhash64.ts';
import type { CookieToMake, HashPolicy } from '../../../stream/hash-policy.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';

// Cookies that hash policies make for clients that have none, so that they come back to the same endpoint.

const COOKIES = {};

/** Makes the value of a policy's cookie and remembers to tell the client; undefined where no policy makes any. */
export function generatedCookies(
  stream: RoutedStream,
  policies: readonly HashPolicy[],
): ((cookie: CookieToMake) => string) | undefined {
  if (!policies.some(({ cookie }) => cookie !== undefined)) return undefined;
  return (cookie) => {
    const made = stream.stateOf(COOKIES, () => new Map<string, string>());
    // One per connection: requests that race each other get the same.
    const { remote, local } = stream.connection.downstream;
    const { hi, lo } = xxHash64(hostPort(remote.address, remote.port) + hostPort(local.address, local.port));
    const value = hi.toString(16).padStart(8, '0') + lo.toString(16).padStart(8, '0');
    made.set(cookie.name, setCookie(cookie, value));
    return value;
  };
}

/** The set-cookie lines for a response. */
export function cookiesToSet(stream: RoutedStream): Iterable<string> {
  return stream.stateOf(COOKIES, () => new Map<string, string>()).values();
}

function setCookie({ name, ttlSeconds, path, attributes }: CookieToMake, value: string): string {
  const age = ttlSeconds === 0 ? '' : `; Max-Age=${ttlSeconds}`;
  const place = path === '' ? '' : `; Path=${path}`;
  return `${name}="${value}"${age}${place}${attributes}; HttpOnly`;
}
