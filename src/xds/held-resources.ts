import { indexOf, type ResourceList } from './resource-lists.ts';
import type { Sendable } from './sendable.ts';

/** What a client holds of a name: a version, and the resource where this stream sent it. */
export type Held = Pick<Sendable, 'version'> & Partial<Sendable>;

/** The client was told that there is no such resource. */
export const GONE: Held = { version: '' };

/**
 * What a client was last sent, by name, whether or not it accepted it. Most clients hold exactly lists that others hold,
 * too: then nothing of their own is kept for each but which lists those are.
 */
export class HeldResources {
  #lists: readonly ResourceList[] = [];
  /** What differs from the lists; undefined: not held though it is in a list. */
  readonly #own = new Map<string, Held | undefined>();
  /** How many of `#own` say something other than that there is nothing. */
  #differing = 0;

  /** The lists, where the client holds these and nothing else; undefined where it differs. Empty: it holds nothing. */
  get lists(): readonly ResourceList[] | undefined {
    return this.#differing === 0 ? this.#lists : undefined;
  }

  get(name: string): Held | undefined {
    const own = this.#own.get(name);
    if (own !== undefined || this.#own.has(name)) return own;
    for (const list of this.#lists) {
      const held = indexOf(list).get(name);
      if (held !== undefined) return held;
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Names that it holds, or knows to be gone. */
  *names(): Iterable<string> {
    for (const list of this.#lists) for (const { name } of list) if (!this.#own.has(name)) yield name;
    for (const [name, held] of this.#own) if (held !== undefined) yield name;
  }

  /** How many resources it holds. */
  count(): number {
    let count = 0;
    for (const list of this.#lists) count += list.length;
    for (const [name, held] of this.#own) {
      if (this.#lists.some((list) => indexOf(list).has(name))) count--;
      if (held !== undefined && held !== GONE) count++;
    }
    return count;
  }

  set(name: string, held: Held): void {
    this.#put(name, held);
  }

  delete(name: string): void {
    if (this.#lists.some((list) => indexOf(list).has(name))) this.#put(name, undefined);
    else this.#drop(name);
  }

  /** It holds these lists now and nothing else; that something is gone is still known. No name may be in two lists. */
  settle(lists: readonly ResourceList[]): void {
    this.#lists = lists;
    for (const [name, held] of this.#own)
      if (held !== GONE || lists.some((list) => indexOf(list).has(name))) this.#own.delete(name);
    this.#differing = 0;
  }

  #put(name: string, held: Held | undefined): void {
    this.#drop(name);
    this.#own.set(name, held);
    if (this.#counts(name, held)) this.#differing++;
  }

  #drop(name: string): void {
    if (!this.#own.has(name)) return;
    if (this.#counts(name, this.#own.get(name))) this.#differing--;
    this.#own.delete(name);
  }

  #counts(name: string, held: Held | undefined): boolean {
    return held !== GONE || this.#lists.some((list) => indexOf(list).has(name));
  }
}
