/** Something that sends off what it was given, some time later. */
export interface Exporter {
  /** Sends what waits; resolves when it is out or lost. Never rejects. */
  flush(): Promise<void>;
}

/**
 * Exporters by what they are configured to do: every listener that says the same shares one, with its batches. One
 * lives as long as a configuration holds it.
 */
export class Exporters {
  readonly #known = new Map<string, WeakRef<Exporter>>();

  /** The exporter of `key` (its kind and configuration as text); made by the first who asks. */
  share<T extends Exporter>(key: string, make: () => T): T {
    const known = this.#known.get(key)?.deref();
    if (known !== undefined) return known as T;
    const made = make();
    for (const [name, held] of this.#known) if (held.deref() === undefined) this.#known.delete(name);
    this.#known.set(key, new WeakRef<Exporter>(made));
    return made;
  }

  /** Sends off everything; for the end of the process. */
  async flush(): Promise<void> {
    await Promise.all([...this.#known.values()].map((held) => held.deref()?.flush()));
  }
}
