import type { StreamEvents } from './connection.ts';
import type { FloodGuard } from './flood-guard.ts';
import type { RequestHead } from './head.ts';
import type { Http2Limits } from './limits.ts';
import type { ReceiveWindows } from './receive-windows.ts';
import type { Sender } from './sender.ts';
import type { PeerSettings } from './settings.ts';
import type { StreamState } from './stream-state.ts';
import type { StreamTable } from './stream-table.ts';
import type { Streams } from './streams.ts';

/** What the receiving side needs of the connection. session.ts is it. */
export interface Core {
  readonly role: 'client' | 'server';
  readonly limits: Http2Limits;
  readonly allowConnectProtocol: boolean;
  readonly guard: FloodGuard;
  readonly table: StreamTable;
  readonly streams: Streams;
  readonly sender: Sender;
  readonly windows: ReceiveWindows;
  readonly peerSettings: PeerSettings;
  /** The largest id that our GOAWAY admits. */
  readonly admittedId: number;
  /** Opens the stream of a request and hands it to the consumer. `contentLength` -1 where nothing is promised. */
  admit(streamId: number, head: RequestHead, ended: boolean, contentLength: number): void;
  /** A request is not handed on: it was answered with this status, or, for 0, reset. */
  turnedDown(status: number, message: string): void;
  changeSettings(settings: PeerSettings): void;
  ponged(): void;
  goneAway(lastStreamId: number, errorCode: number, debug: string): void;
}

/** The stream's consumer; it is only unknown while onRequest has not returned, when nothing is received. */
export function eventsOf(stream: StreamState): StreamEvents {
  return stream.events as StreamEvents;
}
