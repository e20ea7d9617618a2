import { keyText } from '../api/object.ts';
import type { Resource, Resources } from '../api/resources.ts';
import { StepFailure, StepMemo } from '../lib/steps.ts';
import { live, type Quarantine, stillBad, suspectsOf, withoutBad } from './quarantine.ts';
import type { World, WorldSettings } from './resolve/world.ts';

/** An object, and what would count in its place. */
interface Trial {
  readonly suspect: Resource;
  readonly instead: Resource | undefined;
}

/** A memo that finds the object on which a step fails, puts it in quarantine and goes on without it. */
export class HealingMemo {
  readonly #memo: StepMemo<World>;
  /** The world as it is written. */
  #written: World;
  /** What counts of it. */
  #resources: Resources;
  /** What counted before the last change: last good versions. */
  #before: Resources | undefined;
  #quarantine: Quarantine = new Map();

  constructor(world: World) {
    this.#memo = new StepMemo(world);
    this.#written = world;
    this.#resources = world.resources;
  }

  /** The objects that count: what is written without those that cannot be compiled, as far as that is known. */
  get resources(): Resources {
    return this.#resources;
  }

  get quarantine(): Quarantine {
    return this.#quarantine;
  }

  /** Goes on with another world. */
  advance(resources: Resources, settings: WorldSettings): void {
    this.#written = { resources, settings };
    this.#before = this.#resources;
    this.#isolate(stillBad(this.#quarantine, resources));
  }

  /** What `ask` asks for; where a step fails on an object, what it is without that object. Throws where none is to blame. */
  answer<T>(ask: (memo: StepMemo<World>) => T): T {
    for (;;) {
      try {
        return ask(this.#memo);
      } catch (error) {
        if (!(error instanceof StepFailure) || !this.#heal(error)) throw error;
      }
    }
  }

  /** Finds an object without which the step does not fail. False where there is none. */
  #heal(failure: StepFailure): boolean {
    const start = this.#quarantine;
    const suspects = suspectsOf(failure, this.#resources);
    const lastGood = suspects.flatMap((suspect) => {
      const instead = this.#lastGood(suspect);
      return instead === undefined ? [] : [{ suspect, instead }];
    });
    // Last good versions first: without an object nothing may be made at all, which fails on nothing.
    const trials: readonly Trial[] = [
      ...lastGood,
      ...suspects.map((suspect) => ({ suspect, instead: undefined })),
    ];
    for (const { suspect, instead } of trials) {
      const key = keyText(suspect.key);
      const bad = start.get(key)?.bad ?? suspect;
      this.#isolate(new Map(start).set(key, { bad, instead, message: failure.message }));
      if (!this.#fails(failure)) return true;
    }
    this.#isolate(start);
    return false;
  }

  /** What counted of it before the last change, where that is something else. */
  #lastGood({ key, object }: Resource): Resource | undefined {
    const before = this.#before && live(this.#before, key);
    return before?.object === object ? undefined : before;
  }

  #fails({ step, key }: StepFailure): boolean {
    try {
      this.#memo.of(step as never, key);
      return false;
    } catch (error) {
      // Another step that fails now is another object's trouble, or the same one's, and is seen to next.
      return error instanceof StepFailure && error.step === step && error.key === key;
    }
  }

  #isolate(quarantine: Quarantine): void {
    const { resources, settings } = this.#written;
    this.#quarantine = quarantine;
    this.#resources = withoutBad(resources, quarantine);
    this.#memo.advance({ resources: this.#resources, settings });
  }
}
