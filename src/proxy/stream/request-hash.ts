import { combineHashes, type Hash64 } from '../../lib/hash64.ts';
import { xxHash64 } from '../../lib/xxhash64.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import type { HashPolicy } from './hash-policy.ts';

/** A request's hash as Envoy makes it of its policies; undefined where the request has nothing of what they name. */
export function requestHash(
  policies: readonly HashPolicy[],
  request: RequestFacts,
  peer: PeerFacts,
): Hash64 | undefined {
  let hash: Hash64 | undefined;
  for (const { value, terminal } of policies) {
    const text = value(request, peer);
    if (text !== undefined) {
      const next = xxHash64(text);
      hash = hash === undefined ? next : combineHashes(hash, next);
    }
    if (terminal && hash !== undefined) break;
  }
  return hash;
}
