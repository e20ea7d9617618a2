import { plainProvenance } from '../files/provenance.ts';
import type { Change, Source, SourceDocument } from '../source.ts';

/** A source that a program fills: objects given on the command line, made by a test, or by another part of weft. */
export interface MemorySource extends Source {
  /** The origin now holds these objects, in place of what it held. */
  put(origin: string, objects: readonly unknown[]): void;
  /** The origin is gone. */
  remove(origin: string): void;
}

/** An empty source. What is put before it is watched is in the first batch. */
export function openMemorySource(): MemorySource {
  const origins = new Map<string, readonly unknown[]>();
  let deliver: ((batch: readonly Change[]) => void) | undefined;
  return {
    async watch(onChange) {
      deliver = onChange;
      onChange([...origins].map(([origin, objects]) => putOf(origin, objects)));
    },
    async close() {
      deliver = undefined;
    },
    put(origin, objects) {
      origins.set(origin, objects);
      deliver?.([putOf(origin, objects)]);
    },
    remove(origin) {
      if (origins.delete(origin)) deliver?.([{ type: 'delete', origin }]);
    },
  };
}

/** Objects of a program as a change; they have no lines. */
export function putOf(origin: string, objects: readonly unknown[]): Change {
  const provenance = plainProvenance(origin);
  const documents = objects.map(
    (value): SourceDocument => ({ value, provenance, text: JSON.stringify(value) }),
  );
  return { type: 'put', origin, documents, problems: [] };
}
