/** A client of raw frames: sends pieces, gathers what comes back, and asks at the end whether the connection serves. */
import { connect } from 'node:net';
import { FLAG, FRAME } from '../../../src/wire/http2/protocol.ts';
import { PROBE_PATH } from '../recording-upstream.ts';
import { encodeFrame, type Heard, Peer } from './frames.ts';

export interface FrameRequest {
  readonly pieces: readonly Buffer[];
  /** Streams that will be answered or reset. */
  readonly streams: number;
}

export interface FrameClientRecord {
  readonly streams: readonly Heard[];
  /** As with HTTP/1; `broken`: with a GOAWAY that tells of an error. */
  readonly connection: 'open' | 'closed' | 'silent' | 'broken';
}

/** `quietMs`: how long nothing must come before the client gives up waiting. */
export async function exchangeFrames(
  port: number,
  { pieces, streams }: FrameRequest,
  quietMs: number,
): Promise<FrameClientRecord> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const peer = new Peer(socket, 'client');
  const quiet = waiter(peer, quietMs);
  try {
    peer.hold();
    for (const piece of pieces) {
      if (peer.ended) break;
      socket.write(piece);
      if (pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    peer.release();
    const own = Array.from({ length: streams }, (_, i) => 1 + 2 * i);
    await quiet(() => peer.goaway !== undefined || own.every((id) => isOver(peer.streams.get(id))));
    const probe = 1 + 2 * streams;
    if (!peer.ended) {
      socket.write(encodeFrame(PROBE, probe));
      await quiet(() => (peer.streams.get(probe)?.blocks.length ?? 0) > 0);
    }
    const isOpen = (peer.streams.get(probe)?.blocks.length ?? 0) > 0;
    const isBroken = peer.goaway !== undefined && peer.goaway !== 'NO_ERROR';
    return {
      streams: own.map((id) => peer.streams.get(id) ?? silent(id)),
      connection: isBroken
        ? 'broken'
        : isOpen
          ? 'open'
          : peer.ended || peer.goaway !== undefined
            ? 'closed'
            : 'silent',
    };
  } finally {
    socket.destroy();
  }
}

const PROBE = {
  stream: 1,
  type: FRAME.HEADERS,
  flags: FLAG.END_HEADERS | FLAG.END_STREAM,
  fields: [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'probe'],
    [':path', PROBE_PATH],
  ],
} as const;

function isOver(stream: Heard | undefined): boolean {
  return stream !== undefined && stream.end !== 'open';
}

/** Waits until something holds, the connection is over, or nothing came for so long. */
function waiter(peer: Peer, quietMs: number): (holds: () => boolean) => Promise<void> {
  let arrivals = 0;
  let wake = (): void => {};
  peer.onChange = () => {
    arrivals++;
    wake();
  };
  return async (holds) => {
    while (!peer.ended && !holds()) {
      const before = arrivals;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, quietMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (arrivals === before && !peer.ended) return;
    }
  };
}

function silent(id: number): Heard {
  return { id, blocks: [], trailers: undefined, body: '', end: 'open', resetAfterEnd: false };
}
