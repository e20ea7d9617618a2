import { createHash } from 'node:crypto';
import { joined } from '../../xds/joined.ts';

// A route configuration is a row of a thousand virtual hosts, and every namespace has another one: it differs in the few
// hosts that have short names there. The row is cut into runs where the content says so: where rows are alike their cuts
// are too, and a run is joined and hashed once for all rows that have it.

/** Several chunks in a row as one. */
export interface Run {
  readonly bytes: Uint8Array;
  /** Of the content. */
  readonly version: string;
}

interface KnownRun extends Run {
  readonly chunks: readonly Uint8Array[];
  /** It ends because the row does: in a longer row it goes on. */
  readonly isLast: boolean;
}

/** A run is at least this long, unless it is the last, and rarely longer than the second. */
const MIN_RUN_BYTES = 32 * 1024;
const MAX_RUN_BYTES = 256 * 1024;
/**
 * Runs that are remembered of those that begin with the same chunk: namespaces with something of their own in it have one
 * each. The ones that were not found for longest go first.
 */
const MAX_ALIKE = 256;

/** Runs live as long as somebody holds their bytes: those of earlier configurations are not kept. */
const byFirst = new WeakMap<Uint8Array, WeakRef<KnownRun>[]>();
const byBytes = new WeakMap<Uint8Array, KnownRun>();

/** The row in runs. */
export function runsOf(row: readonly Uint8Array[]): readonly Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < row.length; ) {
    const run = knownAt(row, at) ?? newRun(row, at);
    runs.push(run);
    at += run.chunks.length;
  }
  return runs;
}

/** The same for the same bytes, in every process. */
export function versionOf(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, 16);
}

function knownAt(row: readonly Uint8Array[], at: number): KnownRun | undefined {
  const alike = byFirst.get(row[at]!);
  if (alike === undefined) return undefined;
  for (const [place, known] of alike.entries()) {
    const run = known.deref();
    if (run === undefined || !standsAt(run, row, at)) continue;
    if (place > 0) {
      alike.splice(place, 1);
      alike.unshift(known);
    }
    return run;
  }
  return undefined;
}

function standsAt({ chunks, isLast }: KnownRun, row: readonly Uint8Array[], at: number): boolean {
  const end = at + chunks.length;
  if (isLast ? end !== row.length : end > row.length) return false;
  for (let i = chunks.length - 1; i >= 0; i--) if (chunks[i] !== row[at + i]) return false;
  return true;
}

function newRun(row: readonly Uint8Array[], at: number): KnownRun {
  const end = endOf(row, at);
  const chunks = row.slice(at, end);
  const bytes = joined(chunks);
  const isLast = end === row.length;
  const run = { bytes, version: versionOf(bytes), chunks, isLast };
  const alike = byFirst.get(row[at]!)?.filter((known) => known.deref() !== undefined) ?? [];
  byFirst.set(row[at]!, [new WeakRef(run), ...alike.slice(0, MAX_ALIKE - 1)]);
  byBytes.set(bytes, run);
  return run;
}

/** Behind one chunk of 64, on average, and depending on nothing before the run. */
function endOf(row: readonly Uint8Array[], at: number): number {
  let bytes = 0;
  for (let i = at; i < row.length; i++) {
    const chunk = row[i]!;
    bytes += chunk.length;
    if (bytes >= MAX_RUN_BYTES || (bytes >= MIN_RUN_BYTES && mayEnd(chunk))) return i + 1;
  }
  return row.length;
}

function mayEnd(chunk: Uint8Array): boolean {
  let known = ends.get(chunk);
  if (known === undefined) {
    let hash = 0x811c9dc5;
    for (const byte of chunk) hash = Math.imul(hash ^ byte, 0x01000193);
    known = hash >>> 26 === 0;
    ends.set(chunk, known);
  }
  return known;
}

const ends = new WeakMap<Uint8Array, boolean>();
