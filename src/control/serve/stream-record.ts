import type { Push } from '../../xds/sendable.ts';
import type { ServerEvent } from '../../xds/server-end.ts';

/** What is remembered of one type on one stream. */
export interface TypeRecord {
  sentAtMs: number | undefined;
  ackedAtMs: number | undefined;
  /** The last refusal. */
  nack: { readonly atMs: number; readonly message: string; readonly names: readonly string[] } | undefined;
}

/** What happened on one stream, for the status page. Times are wall time. */
export interface StreamRecord {
  readonly connectedAtMs: number;
  endedAtMs: number | undefined;
  readonly types: Map<string, TypeRecord>;
  pushes: number;
  rejections: number;
  /** From a change to the answer of this proxy, for the last change. */
  lastPushMs: number | undefined;
  lastPushAtMs: number | undefined;
  /** A newer state of the mesh, whose oldest change was seen then. */
  offered(changedAtMs: number): void;
  sent(push: Push, nowMs: number): void;
  heard(event: ServerEvent, nowMs: number): void;
  ended(nowMs: number): void;
}

/** Longest text of a refusal that is kept, in characters. */
const MAX_MESSAGE = 4096;

/** The record of a stream that has just opened. */
export function openRecord(connectedAtMs: number): StreamRecord {
  /** Per outstanding type: when the change was seen that it brings. */
  const changes = new Map<string, number>();
  let changedAtMs: number | undefined;
  const typeOf = (typeUrl: string): TypeRecord => {
    const known = record.types.get(typeUrl);
    if (known !== undefined) return known;
    const fresh: TypeRecord = { sentAtMs: undefined, ackedAtMs: undefined, nack: undefined };
    record.types.set(typeUrl, fresh);
    return fresh;
  };
  const answered = (typeUrl: string, nowMs: number): void => {
    const change = changes.get(typeUrl);
    changes.delete(typeUrl);
    // What it was sent because it connected is no change.
    if (change === undefined || change < connectedAtMs) return;
    record.lastPushMs = nowMs - change;
    record.lastPushAtMs = nowMs;
  };
  const record: StreamRecord = {
    connectedAtMs,
    endedAtMs: undefined,
    types: new Map(),
    pushes: 0,
    rejections: 0,
    lastPushMs: undefined,
    lastPushAtMs: undefined,
    offered(atMs) {
      changedAtMs = atMs;
    },
    sent({ typeUrl }, nowMs) {
      record.pushes += 1;
      typeOf(typeUrl).sentAtMs = nowMs;
      if (changedAtMs !== undefined) changes.set(typeUrl, changedAtMs);
    },
    heard(event, nowMs) {
      const type = typeOf(event.typeUrl);
      if (event.kind === 'accepted') {
        type.ackedAtMs = nowMs;
        answered(event.typeUrl, nowMs);
      } else if (event.kind === 'refused') {
        record.rejections += 1;
        type.nack = { atMs: nowMs, message: event.error.message.slice(0, MAX_MESSAGE), names: event.names };
        answered(event.typeUrl, nowMs);
      }
    },
    ended(nowMs) {
      record.endedAtMs = nowMs;
    },
  };
  return record;
}
