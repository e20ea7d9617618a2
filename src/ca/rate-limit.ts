// So many calls a minute for each client: a bucket that fills evenly. The number of clients remembered is bounded;
// the one unseen for longest is forgotten first.

/** Says whether a client may call now. */
export interface RateLimit {
  admit(client: string): boolean;
  /** Whether it may not, without counting this. */
  isSpent(client: string): boolean;
}

/** Clients remembered at once. */
export const MAX_CLIENTS = 10_000;

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** A limit of `perMinute` calls, which may come all at once; `nowMs` must not run backwards. */
export function makeRateLimit(perMinute: number, nowMs: () => number): RateLimit {
  const buckets = new Map<string, Bucket>();
  return {
    admit(client) {
      const bucket = refill(buckets.get(client), perMinute, nowMs());
      // Deleting first makes the map's order that of last use.
      buckets.delete(client);
      buckets.set(client, bucket);
      if (buckets.size > MAX_CLIENTS) buckets.delete(buckets.keys().next().value ?? '');
      if (bucket.tokens < 1) return false;
      bucket.tokens--;
      return true;
    },
    isSpent: (client) => refill(buckets.get(client), perMinute, nowMs()).tokens < 1,
  };
}

function refill(bucket: Bucket | undefined, perMinute: number, nowMs: number): Bucket {
  if (bucket === undefined) return { tokens: perMinute, filledAtMs: nowMs };
  const gained = ((nowMs - bucket.filledAtMs) / 60_000) * perMinute;
  return { tokens: Math.min(perMinute, bucket.tokens + Math.max(0, gained)), filledAtMs: nowMs };
}
