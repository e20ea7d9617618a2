import { chownSync } from 'node:fs';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { IssuedToken } from '../parts.ts';
import { writeWhole } from '../publish.ts';

/** A token is renewed when this share of its life is over; kubelet does it at 80 %. */
const RENEW_AT = 0.8;
/** Waits between attempts when a token cannot be issued. */
const RETRY_MS = 5_000;

/** A file with a token that is always valid. Mode 0600, owned by the proxy's user. */
export class TokenFile {
  readonly #file: string;
  readonly #ownerUid: number | undefined;
  readonly #issue: () => Promise<IssuedToken>;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #closed = false;

  constructor(file: string, ownerUid: number | undefined, issue: () => Promise<IssuedToken>, clock: Clock) {
    this.#file = file;
    this.#ownerUid = ownerUid;
    this.#issue = issue;
    this.#clock = clock;
  }

  /** Writes the first token and goes on renewing it. */
  async open(): Promise<void> {
    await this.#write();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #write(): Promise<void> {
    const { token, expiresAtMs } = await this.#issue();
    if (this.#closed) return;
    const ownerUid = this.#ownerUid;
    writeWhole(this.#file, token, 0o600, (draft) => {
      if (ownerUid !== undefined) chownSync(draft, ownerUid, ownerUid);
    });
    const lifeMs = Math.max(0, expiresAtMs - this.#clock.nowMs());
    this.#later(Math.max(RETRY_MS, lifeMs * RENEW_AT));
  }

  #later(delayMs: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#write().catch(() => this.#later(RETRY_MS));
    }, delayMs);
  }
}
