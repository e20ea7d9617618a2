import type { Core } from './core.ts';
import { readUint31, readUint32 } from './frame-parser.ts';
import { Http2Error } from './http2-error.ts';
import { ERROR_CODE, FLAG, FRAME, MAX_31_BITS } from './protocol.ts';
import { applySettings, initialPeerSettings } from './settings.ts';

/** Bytes of a GOAWAY's debug text that are looked at. */
const MAX_DEBUG_BYTES = 256;

/** All frames without body or header block. */
export class ControlReceiver {
  readonly #core: Core;
  #settingsSeen = false;

  constructor(core: Core) {
    this.#core = core;
  }

  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case FRAME.WINDOW_UPDATE:
        this.#windowUpdate(streamId, bytes, start, end);
        break;
      case FRAME.RST_STREAM:
        this.#rstStream(streamId, bytes, start, end);
        break;
      case FRAME.PING:
        this.#ping(flags, streamId, bytes, start, end);
        break;
      case FRAME.SETTINGS:
        this.#settings(flags, streamId, bytes, start, end);
        break;
      case FRAME.GOAWAY:
        this.#goaway(streamId, bytes, start, end);
        break;
      case FRAME.PRIORITY:
        this.#priority(streamId, bytes, start, end);
        break;
      case FRAME.PUSH_PROMISE:
        throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'PUSH_PROMISE came, and push is off.');
      default:
        this.#core.guard.count('idleFrames');
    }
  }

  #windowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    demandSize(end - start === 4, 'WINDOW_UPDATE');
    const core = this.#core;
    core.guard.count('windowUpdateFrames');
    const increment = readUint31(bytes, start);
    if (streamId === 0) {
      demand(increment > 0, 'WINDOW_UPDATE of 0 came for the connection.');
      if (core.sender.window + increment > MAX_31_BITS)
        throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, "The connection's window has become too large.");
      core.sender.addWindow(increment);
      return;
    }
    demand(!core.table.isIdle(streamId), 'WINDOW_UPDATE came for a stream that does not exist.');
    const stream = core.table.get(streamId);
    if (stream === undefined) return;
    if (increment === 0) core.streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0 came.');
    else if (stream.sendWindow + increment > MAX_31_BITS)
      core.streams.blame(stream, ERROR_CODE.FLOW_CONTROL_ERROR, "The stream's window has become too large.");
    else core.sender.addStreamWindow(stream, increment);
  }

  #rstStream(streamId: number, bytes: Buffer, start: number, end: number): void {
    demandSize(end - start === 4, 'RST_STREAM');
    const core = this.#core;
    demand(
      streamId !== 0 && !core.table.isIdle(streamId),
      'RST_STREAM came for a stream that does not exist.',
    );
    const stream = core.table.get(streamId);
    if (stream === undefined) core.guard.count('idleFrames');
    else core.streams.peerReset(stream, readUint32(bytes, start));
  }

  #ping(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    demandSize(end - start === 8, 'PING');
    demand(streamId === 0, 'PING came for a stream.');
    const core = this.#core;
    if ((flags & FLAG.ACK) !== 0) {
      core.guard.count('idleFrames');
      core.ponged();
      return;
    }
    core.guard.count('pingFrames');
    core.sender.writer.ping(bytes, start, FLAG.ACK);
    core.sender.wantFlush();
  }

  #settings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    demand(streamId === 0, 'SETTINGS came for a stream.');
    const core = this.#core;
    core.guard.count('settingsFrames');
    if ((flags & FLAG.ACK) !== 0) {
      demandSize(end === start, 'SETTINGS ACK');
      core.windows.settingsAcked = true;
      return;
    }
    // A peer that names no number of streams takes any.
    const known = this.#settingsSeen ? core.peerSettings : initialPeerSettings(Number.POSITIVE_INFINITY);
    this.#settingsSeen = true;
    core.changeSettings(applySettings(known, bytes, start, end, core.role === 'client'));
    core.sender.writer.settingsAck();
    core.sender.wantFlush();
  }

  #goaway(streamId: number, bytes: Buffer, start: number, end: number): void {
    demandSize(end - start >= 8, 'GOAWAY');
    demand(streamId === 0, 'GOAWAY came for a stream.');
    this.#core.guard.count('idleFrames');
    const debug = bytes.toString('latin1', start + 8, Math.min(end, start + 8 + MAX_DEBUG_BYTES));
    this.#core.goneAway(readUint31(bytes, start), readUint32(bytes, start + 4), debug);
  }

  /** Priorities are not used (RFC 9113 §5.3.2); the frame is still checked (a stream behind itself: RFC 7540 §5.3.1). */
  #priority(streamId: number, bytes: Buffer, start: number, end: number): void {
    demand(streamId !== 0, 'PRIORITY came for stream 0.');
    demandSize(end - start === 5, 'PRIORITY');
    const core = this.#core;
    core.guard.count('idleFrames');
    if (readUint31(bytes, start) !== streamId) return;
    const stream = core.table.get(streamId);
    demand(stream !== undefined || !core.table.isIdle(streamId), 'PRIORITY puts a stream behind itself.');
    if (stream !== undefined)
      core.streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, 'PRIORITY puts a stream behind itself.');
  }
}

function demandSize(fine: boolean, frame: string): void {
  if (!fine) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, `A ${frame} frame has a wrong size.`);
}

function demand(fine: boolean, message: string): void {
  if (!fine) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, message);
}
