/** Who spoke first at a destination the last time: decides when the next race for it begins. Bounded, oldest out. */
export type Speaker = 'client' | 'server';

/** Destinations that are remembered. */
export const MAX_VERDICTS = 10_000;
/** A client that always spoke first is given so long before its upstream is called for nothing. */
export const CLIENT_FIRST_WAIT_MS = 200;

export class Verdicts {
  readonly #last = new Map<string, Speaker>();

  /** How long to wait for the client before the upstream is called too. */
  waitMs(destination: string): number {
    return this.#last.get(destination) === 'client' ? CLIENT_FIRST_WAIT_MS : 0;
  }

  remember(destination: string, speaker: Speaker): void {
    if (this.#last.get(destination) === speaker) return;
    this.#last.delete(destination);
    if (this.#last.size >= MAX_VERDICTS) {
      const oldest = this.#last.keys().next();
      if (!oldest.done) this.#last.delete(oldest.value);
    }
    this.#last.set(destination, speaker);
  }
}
