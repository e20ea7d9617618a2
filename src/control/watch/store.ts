import type { Resources } from '../../api/resources.ts';
import type { Change } from './source.ts';
import type { ObjectStatus } from './status.ts';

/** Keeps the valid objects of all sources; nothing that was good is lost on bad input. */
export interface ResourceStore {
  /** Takes in one batch of changes; listeners hear of it once, and only where a live object changed. */
  apply(batch: readonly Change[]): void;
  /** What is live now: an unchanging view. */
  resources(): Resources;
  /** State of every document and of every file that cannot be read, in order of file and line. */
  statuses(): readonly ObjectStatus[];
  /** Calls back after each change of live objects or of a status; the returned function ends it. */
  subscribe(listener: (resources: Resources) => void): () => void;
}
