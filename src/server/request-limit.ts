/** Bounds of what one client may ask of the API. */
export const API_LIMITS = {
  /** In a window of {@link API_LIMITS.windowMs}. */
  maxRequests: 3000,
  windowMs: 10_000,
  /** Refused attempts to prove who one is, in such a window: tokens are not to be guessed. */
  maxRefusals: 20,
  /** Clients that are told apart; past that the longest known is forgotten. */
  maxClients: 1000,
  /** Of a request's body, bytes. */
  maxBodyBytes: 64 * 1024,
  /** Of a request's head, bytes. */
  maxHeadBytes: 16 * 1024,
} as const;

/** Counts by client in windows of time. */
export class RequestLimit {
  readonly #max: number;
  readonly #nowMs: () => number;
  readonly #clients = new Map<string, { sinceMs: number; count: number }>();

  /** `nowMs` never goes backwards. */
  constructor(max: number, nowMs: () => number) {
    this.#max = max;
    this.#nowMs = nowMs;
  }

  /** One more of a client; false where that is one too many. */
  take(client: string): boolean {
    const found = this.#of(client);
    found.count++;
    return found.count <= this.#max;
  }

  /** Whether the client has used up what it may. */
  isSpent(client: string): boolean {
    const found = this.#clients.get(client);
    return found !== undefined && !this.#isOver(found) && found.count >= this.#max;
  }

  #of(client: string): { sinceMs: number; count: number } {
    const known = this.#clients.get(client);
    if (known !== undefined && !this.#isOver(known)) return known;
    this.#clients.delete(client);
    const fresh = { sinceMs: this.#nowMs(), count: 0 };
    this.#clients.set(client, fresh);
    if (this.#clients.size > API_LIMITS.maxClients) this.#clients.delete(this.#clients.keys().next().value!);
    return fresh;
  }

  #isOver({ sinceMs }: { readonly sinceMs: number }): boolean {
    return this.#nowMs() - sinceMs >= API_LIMITS.windowMs;
  }
}
