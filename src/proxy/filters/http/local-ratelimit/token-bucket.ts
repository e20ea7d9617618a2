/** Tokens that come back evenly over time, up to a most. Full at first. Time is monotonic milliseconds. */
export class TokenBucket {
  readonly maxTokens: number;
  readonly tokensPerMs: number;
  #tokens: number;
  #atMs: number | undefined;

  constructor(maxTokens: number, tokensPerMs: number) {
    this.maxTokens = maxTokens;
    this.tokensPerMs = tokensPerMs;
    this.#tokens = maxTokens;
  }

  /** Takes a token; false where there is none. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Whole tokens that are left. */
  get remaining(): number {
    return Math.floor(this.#tokens);
  }

  /** Seconds until there is a token again; 0 where there is one. */
  get resetSeconds(): number {
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.tokensPerMs / 1000);
  }

  #fill(nowMs: number): void {
    const elapsedMs = nowMs - (this.#atMs ?? nowMs);
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.maxTokens, this.#tokens + elapsedMs * this.tokensPerMs);
  }
}
