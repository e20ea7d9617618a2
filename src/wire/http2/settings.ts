import { readUint32 } from './frame-parser.ts';
import { Http2Error } from './http2-error.ts';
import { MAX_SETTINGS_ENTRIES } from './limits.ts';
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ERROR_CODE,
  MAX_31_BITS,
  SETTING,
} from './protocol.ts';

const ENTRY_BYTES = 6;
const LARGEST_FRAME_BYTES = 0xff_ffff;

/** What the peer has told about itself; before that, what RFC 9113 §6.5.2 assumes. */
export interface PeerSettings {
  /** Largest dynamic table its decoder keeps. */
  readonly headerTableBytes: number;
  readonly maxConcurrentStreams: number;
  readonly initialWindowBytes: number;
  readonly maxFrameBytes: number;
  /** Infinity where it did not say. */
  readonly maxHeaderListBytes: number;
  /** A server that takes extended CONNECT (RFC 8441). */
  readonly enableConnectProtocol: boolean;
}

/** Before the peer's SETTINGS. */
export function initialPeerSettings(maxConcurrentStreams: number): PeerSettings {
  return {
    headerTableBytes: 4096,
    maxConcurrentStreams,
    initialWindowBytes: DEFAULT_WINDOW_BYTES,
    maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
    maxHeaderListBytes: Number.POSITIVE_INFINITY,
    enableConnectProtocol: false,
  };
}

/** Applies the payload bytes[start, end) of a SETTINGS frame. Throws Http2Error for values that are not allowed. */
export function applySettings(
  known: PeerSettings,
  bytes: Buffer,
  start: number,
  end: number,
  peerIsServer: boolean,
): PeerSettings {
  const count = (end - start) / ENTRY_BYTES;
  if (!Number.isInteger(count))
    throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'A SETTINGS frame ends inside an entry.');
  if (count > MAX_SETTINGS_ENTRIES)
    throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, `A SETTINGS frame has ${count} entries.`);
  let settings = known;
  for (let at = start; at < end; at += ENTRY_BYTES) {
    const identifier = bytes.readUInt16BE(at);
    settings = { ...settings, ...readSetting(settings, identifier, readUint32(bytes, at + 2), peerIsServer) };
  }
  return settings;
}

function readSetting(
  known: PeerSettings,
  identifier: number,
  value: number,
  peerIsServer: boolean,
): Partial<PeerSettings> {
  switch (identifier) {
    case SETTING.HEADER_TABLE_SIZE:
      return { headerTableBytes: value };
    case SETTING.ENABLE_PUSH:
      demand(value <= (peerIsServer ? 0 : 1), 'ENABLE_PUSH', value);
      return {};
    case SETTING.MAX_CONCURRENT_STREAMS:
      return { maxConcurrentStreams: value };
    case SETTING.INITIAL_WINDOW_SIZE:
      demand(value <= MAX_31_BITS, 'INITIAL_WINDOW_SIZE', value, ERROR_CODE.FLOW_CONTROL_ERROR);
      return { initialWindowBytes: value };
    case SETTING.MAX_FRAME_SIZE:
      demand(value >= DEFAULT_MAX_FRAME_BYTES && value <= LARGEST_FRAME_BYTES, 'MAX_FRAME_SIZE', value);
      return { maxFrameBytes: value };
    case SETTING.MAX_HEADER_LIST_SIZE:
      return { maxHeaderListBytes: value };
    case SETTING.ENABLE_CONNECT_PROTOCOL:
      demand(value === 1 || (value === 0 && !known.enableConnectProtocol), 'ENABLE_CONNECT_PROTOCOL', value);
      return { enableConnectProtocol: value === 1 };
    default:
      return {};
  }
}

function demand(
  fine: boolean,
  name: string,
  value: number,
  errorCode: number = ERROR_CODE.PROTOCOL_ERROR,
): void {
  if (!fine) throw new Http2Error(errorCode, `SETTINGS has ${name} ${value}, which is not allowed.`);
}
