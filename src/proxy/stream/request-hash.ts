import { combineHashes, type Hash64 } from '../../lib/hash64.ts';
import { xxHash64 } from '../../lib/xxhash64.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import type { CookieToMake, HashPolicy } from './hash-policy.ts';

/**
 * A request's hash as Envoy makes it of its policies; undefined where the request has nothing of what they name.
 * `makeCookie` makes the value of a cookie that a policy wants and the client did not send.
 */
export function requestHash(
  policies: readonly HashPolicy[],
  request: RequestFacts,
  peer: PeerFacts,
  makeCookie?: (cookie: CookieToMake) => string,
): Hash64 | undefined {
  let hash: Hash64 | undefined;
  for (const { value, cookie, terminal } of policies) {
    const text = value(request, peer) ?? (cookie && makeCookie?.(cookie));
    if (text !== undefined) {
      const next = xxHash64(text);
      hash = hash === undefined ? next : combineHashes(hash, next);
    }
    if (terminal && hash !== undefined) break;
  }
  return hash;
}
