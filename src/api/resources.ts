import type { KindId, KindTypes } from './kinds.ts';
import type { ObjectKey } from './object.ts';

/** Where an object was written. */
export interface Provenance {
  /** Path as the user gave it, `-` for standard input, or a name of the source (`kubernetes`). */
  readonly file: string;
  /** First line of the object's document, from 1; 0 where there are no lines. */
  readonly line: number;
  /** Line of a field such as `spec.http[0].route`, or of its nearest parent that was written. Worked out when asked. */
  lineOf(field: string): number;
}

/** One valid object with its identity and place. Replaced as a whole when it changes, so `===` tells a change. */
export interface Resource<T = unknown> {
  readonly key: ObjectKey;
  readonly object: T;
  readonly provenance: Provenance;
  /** Order in which objects first appeared, from 1: the tie-breaker for "oldest wins" where no creationTimestamp is given. */
  readonly age: number;
}

/** An unchanging view of all valid objects, typed by kind: `resources.list('networking.istio.io/VirtualService')`. */
export interface Resources {
  /** Goes up by one with every change of the store. */
  readonly revision: number;
  /** All objects of a kind, in order of namespace and name. The same array as long as none of them changed. */
  list<K extends KindId>(kind: K): readonly Resource<KindTypes[K]>[];
  /** One object; namespace '' for cluster-wide kinds. */
  get<K extends KindId>(kind: K, namespace: string, name: string): Resource<KindTypes[K]> | undefined;
}
