import { deepEqual } from './deep-equal.ts';

// Pure steps, memoised by the reads they made. A step computes a value for a key and reads only through its reader:
// other steps, and facts of the world outside. The reads are recorded, absent things too. After the world changed, a
// value is reused until something it read changed; an equal result keeps the old value's identity and stops the
// spread. Nothing is computed before it is asked for. Running from scratch is the same code on an empty memo.

/** Something to compute. `run` must depend on nothing but its key and what it reads, and must not change what it got. */
export interface Step<W, V> {
  /** For people: shown when steps wait for each other in a circle. */
  readonly name: string;
  readonly run: (read: Reader<W>, key: string) => V;
  /** Whether a new value says the same as the old one. Default: deep equality of plain data. */
  readonly same?: (old: V, now: V) => boolean;
}

/** Something that is looked up in the world; it has changed when the answer is no longer `===`. */
export interface Fact<W, V> {
  readonly name: string;
  readonly fetch: (world: W, key: string) => V;
  /**
   * A part of the world that all answers come from: as long as it is `===`, so are they, and what rests on such facts alone is
   * not looked at. Facts of one part have the same function here. Absent: any change of the world may change it.
   */
  readonly source?: (world: W) => unknown;
}

/** What a step sees. */
export interface Reader<W> {
  /** The value of another step. */
  of<V>(step: Step<W, V>, key: string): V;
  /** A fact of the world. */
  fact<V>(fact: Fact<W, V>, key: string): V;
}

/** A fact that a step read, itself or by way of other steps. */
export interface FactRead {
  readonly fact: Fact<never, unknown>;
  readonly key: string;
  /** When it last changed; higher is later. */
  readonly changedAt: number;
  /** Steps in between. */
  readonly distance: number;
}

/** A step threw; `cause` is what it threw. Everything that reads the step fails with this very error. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly step: Step<never, unknown>;
  readonly key: string;
  /** All that it had read: what made it throw is among them, unless the step throws always. */
  readonly facts: readonly FactRead[];

  constructor(step: Step<never, unknown>, key: string, facts: readonly FactRead[], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
    this.key = key;
    this.facts = facts;
  }
}

/** Values that nothing asked for during this many changes of the world are forgotten. */
const KEPT_UNUSED_CHANGES = 32;

/** Sources are told apart by bits; where there are more, some share one. The last is of facts without a source. */
const SOURCE_BITS = 30;
const UNKNOWN_SOURCE = 1 << SOURCE_BITS;

/** A source of facts. */
interface SourceState {
  readonly bit: number;
  /** What it is in the present world. */
  part: unknown;
}

interface Entry<W> {
  readonly key: string;
  readonly step: Step<W, unknown> | undefined;
  readonly fact: Fact<W, unknown> | undefined;
  value: unknown;
  reads: readonly Entry<W>[];
  /** Bits of all sources below it. */
  sources: number;
  /** Revision at which the value last became another one; 0 before the first run. */
  changedAt: number;
  /** Last revision at which the value was known to be right. */
  checkedAt: number;
  /** Revision at which it was last found to be in use. */
  keptAt: number;
  running: boolean;
}

/** The memo of one world that changes. */
export class StepMemo<W> implements Reader<W> {
  #world: W;
  #revision = 1;
  #runs = 0;
  readonly #entries = new Map<object, Map<string, Entry<W>>>();
  readonly #sources = new Map<(world: W) => unknown, SourceState>();
  /** Revision at which the sources of each bit last changed. */
  readonly #changedAt = new Array<number>(SOURCE_BITS + 1).fill(0);

  constructor(world: W) {
    this.#world = world;
  }

  /** Number of steps that ran so far; for measuring what a change costs. */
  get runs(): number {
    return this.#runs;
  }

  /** Goes on with another world. Values are checked again when they are next asked for. */
  advance(world: W): void {
    this.#world = world;
    this.#revision++;
    this.#changedAt[SOURCE_BITS] = this.#revision;
    for (const [source, state] of this.#sources) {
      const part = source(world);
      if (part === state.part) continue;
      state.part = part;
      this.#changedAt[state.bit] = this.#revision;
    }
    if (this.#revision % KEPT_UNUSED_CHANGES === 0) this.#forgetUnused();
  }

  of<V>(step: Step<W, V>, key: string): V {
    const entry = this.#entryOf(step, key, step as Step<W, unknown>, undefined);
    this.#refresh(entry);
    return entry.value as V;
  }

  fact<V>(fact: Fact<W, V>, key: string): V {
    const entry = this.#entryOf(fact, key, undefined, fact as Fact<W, unknown>);
    this.#refresh(entry);
    return entry.value as V;
  }

  #entryOf(
    owner: object,
    key: string,
    step: Step<W, unknown> | undefined,
    fact: Fact<W, unknown> | undefined,
  ): Entry<W> {
    let byKey = this.#entries.get(owner);
    if (byKey === undefined) this.#entries.set(owner, (byKey = new Map()));
    let entry = byKey.get(key);
    if (entry === undefined) {
      entry = {
        key,
        step,
        fact,
        value: undefined,
        reads: [],
        sources: fact === undefined ? 0 : this.#sourceBit(fact),
        changedAt: 0,
        checkedAt: 0,
        keptAt: 0,
        running: false,
      };
      byKey.set(key, entry);
    }
    return entry;
  }

  #sourceBit({ source }: Fact<W, unknown>): number {
    if (source === undefined) return UNKNOWN_SOURCE;
    let state = this.#sources.get(source);
    if (state === undefined) {
      state = { bit: this.#sources.size % SOURCE_BITS, part: source(this.#world) };
      this.#sources.set(source, state);
    }
    return 1 << state.bit;
  }

  #refresh(entry: Entry<W>): void {
    if (entry.checkedAt === this.#revision) return;
    if (entry.changedAt === 0 || this.#mayDiffer(entry)) {
      if (entry.fact !== undefined) this.#settle(entry, entry.fact.fetch(this.#world, entry.key), Object.is);
      else if (entry.changedAt === 0 || this.#isStale(entry))
        this.#run(entry, entry.step as Step<W, unknown>);
    }
    entry.checkedAt = this.#revision;
  }

  /** Whether a source below it has changed since it was last checked. */
  #mayDiffer({ sources, checkedAt }: Entry<W>): boolean {
    for (let bit = 0, left = sources; left !== 0; bit++, left >>>= 1)
      if ((left & 1) === 1 && (this.#changedAt[bit] as number) > checkedAt) return true;
    return false;
  }

  #isStale(entry: Entry<W>): boolean {
    for (const read of entry.reads) {
      // In the order in which they were read: a later one may only have been read because of an earlier one's value.
      this.#refresh(read);
      if (read.changedAt > entry.checkedAt) return true;
    }
    // What it reads may have come to rest on others, with an equal result.
    entry.sources = sourcesOf(entry.reads);
    return false;
  }

  #run(entry: Entry<W>, step: Step<W, unknown>): void {
    if (entry.running) throw new Error(`step ${step.name} of ${JSON.stringify(entry.key)} waits for itself`);
    const reads = new Set<Entry<W>>();
    entry.running = true;
    this.#runs++;
    try {
      const value = step.run(this.#recorder(reads), entry.key);
      entry.reads = [...reads];
      entry.sources = sourcesOf(entry.reads);
      this.#settle(entry, value, step.same ?? deepEqual);
    } catch (error) {
      if (error instanceof StepFailure) throw error;
      throw new StepFailure(step as Step<never, unknown>, entry.key, factsBehind(reads), error);
    } finally {
      entry.running = false;
    }
  }

  #recorder(reads: Set<Entry<W>>): Reader<W> {
    const read = (entry: Entry<W>) => {
      this.#refresh(entry);
      reads.add(entry);
      return entry.value;
    };
    return {
      of: <V>(step: Step<W, V>, key: string) =>
        read(this.#entryOf(step, key, step as Step<W, unknown>, undefined)) as V,
      fact: <V>(fact: Fact<W, V>, key: string) =>
        read(this.#entryOf(fact, key, undefined, fact as Fact<W, unknown>)) as V,
    };
  }

  #settle(entry: Entry<W>, value: unknown, same: (old: unknown, now: unknown) => boolean): void {
    if (entry.changedAt !== 0 && same(entry.value, value)) return;
    entry.value = value;
    entry.changedAt = this.#revision;
  }

  /** What was not asked for long is of no use, unless something that was rests on it. */
  #forgetUnused(): void {
    for (const byKey of this.#entries.values())
      for (const entry of byKey.values())
        if (entry.checkedAt >= this.#revision - KEPT_UNUSED_CHANGES) this.#keep(entry);
    for (const byKey of this.#entries.values())
      for (const [key, { keptAt }] of byKey) if (keptAt !== this.#revision) byKey.delete(key);
  }

  #keep(entry: Entry<W>): void {
    if (entry.keptAt === this.#revision) return;
    entry.keptAt = this.#revision;
    for (const read of entry.reads) this.#keep(read);
  }
}

function sourcesOf<W>(reads: readonly Entry<W>[]): number {
  let sources = 0;
  for (const read of reads) sources |= read.sources;
  return sources;
}

/** All facts below these reads, each at its shortest distance. */
function factsBehind<W>(reads: Iterable<Entry<W>>): readonly FactRead[] {
  const facts: FactRead[] = [];
  const seen = new Set(reads);
  let level = [...seen];
  for (let distance = 0; level.length > 0; distance++) {
    for (const { fact, key, changedAt } of level)
      if (fact !== undefined) facts.push({ fact: fact as Fact<never, unknown>, key, changedAt, distance });
    level = level.flatMap((entry) => entry.reads.filter((read) => !seen.has(read) && seen.add(read)));
  }
  return facts;
}
