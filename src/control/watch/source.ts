/**
 * Watching: the first stage of the control plane.
 *
 * In: files, API servers, registries. Out: batches of changes, each about one origin: a unit that is read and
 * replaced as a whole (a file; one object of an API server). Called by control/main.ts, which hands the batches to
 * the resource store (store.ts). What never happens here: judging objects. A source reports what it reads, in the
 * order in which it changed; whether an object is valid, and what to keep when it is not, is the store's business.
 */
import type { Provenance } from '../../api/resources.ts';

/** One object as written, not yet validated. */
export interface SourceDocument {
  readonly value: unknown;
  readonly provenance: Provenance;
  /** The text it was read from. The same text in the same line is the same object, and is not judged again. */
  readonly text: string;
}

/** Text that could not be read as documents. */
export interface ReadProblem {
  readonly line: number;
  /** Says what is wrong and, where known, how to mend it. */
  readonly message: string;
}

/** What happened to one origin. */
export type Change =
  /** The origin now holds these documents. Documents beside a problem are whole; ones that are missing may be hidden by it. */
  | {
      readonly type: 'put';
      readonly origin: string;
      readonly documents: readonly SourceDocument[];
      readonly problems: readonly ReadProblem[];
    }
  /** The origin is gone, with everything in it. */
  | { readonly type: 'delete'; readonly origin: string };

/** Something that knows objects and says when they change. */
export interface Source {
  /**
   * Starts watching. The first batch holds everything there is (it may be empty) and is delivered before the promise
   * resolves. Rejects only where the source cannot exist at all (no such folder).
   */
  watch(onChange: (batch: readonly Change[]) => void): Promise<void>;
  /** Stops. No batch is delivered afterwards. */
  close(): Promise<void>;
}
