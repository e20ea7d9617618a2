import type { Headers } from '../headers.ts';
import type { Http1Error } from './error.ts';

// HTTP/1.0 and 1.1 (RFC 9110, RFC 9112) without I/O, both roles. In: buffers as a socket delivers them, split
// anywhere. Out: heads, body bytes (views of those buffers, never copies), ends; and, the other way, strings to
// write. Called by the proxy's stream engine, once per connection and direction. Never happens: a throw; a byte of
// a message whose framing two readers could read differently; more held than limits.ts names.
//
//   parser.ts       the machine: bytes -> events        serialize.ts  heads, chunks and trailers -> strings
//   start-line.ts   request line, status line           framing.ts    where the body ends, whether the connection stays
//   header-lines.ts field lines                         chunked.ts    chunk lines
//   hop-by-hop.ts   what a proxy must not pass on

/** 10 is HTTP/1.0, 11 is HTTP/1.1. */
export type HttpVersion = 10 | 11;

/**
 * How the body ends (RFC 9112 §6.3). `raw`: not a body but bytes of another protocol, from now to the end of the
 * connection (after 101, and after 2xx to CONNECT).
 */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close' | 'raw';

/** What both heads carry. */
export interface MessageHead {
  readonly version: HttpVersion;
  /** As received, values trimmed. The receiver owns the array and may change it. */
  readonly headers: Headers;
  readonly framing: Framing;
  /** The body's length with framing `length`, 0 with `none`, otherwise -1. */
  readonly contentLength: number;
  /** Whether the peer lets the connection stay open after this message (RFC 9112 §9.3). */
  readonly keepAlive: boolean;
  /** The Upgrade value when Connection lists `upgrade`, otherwise ''. */
  readonly upgrade: string;
}

/** A request's head. */
export interface RequestHead extends MessageHead {
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** Path with query; `*` for OPTIONS on the server; '' for CONNECT. Not normalised. */
  readonly path: string;
  /** Host with port as sent: the target's, or else the Host header's; '' when there is none (HTTP/1.0). */
  readonly authority: string;
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectContinue: boolean;
}

/** A response's head. */
export interface ResponseHead extends MessageHead {
  readonly status: number;
  /** The reason phrase as sent, often ''. */
  readonly reason: string;
}

/** Called by the parser, in this order: head, data*, end; or error at any time, after which nothing follows. */
export interface MessageEvents<Head extends MessageHead> {
  onHead(head: Head): void;
  /** A 1xx head other than 101 (responses only); the final head follows. */
  onInformational(head: Head): void;
  /** Body or raw bytes: a view of what was fed. */
  onData(bytes: Buffer): void;
  /** The message is complete; `trailers` only after a chunked body that had some. The parser now waits for next(). */
  onEnd(trailers: Headers | undefined): void;
  onError(error: Http1Error): void;
}

/** What the response parser must know of the request that is answered (RFC 9112 §6.3). */
export interface ResponseTo {
  readonly method: string;
  /** Whether the request asked for an upgrade; a 101 without is an error. */
  readonly upgrade: boolean;
}

/** A parser of one direction of one connection. */
export interface MessageParser {
  /** Takes the next bytes. Events are called before it returns, unless paused or between messages: then they are held. */
  feed(bytes: Buffer): void;
  /** The peer's end of the stream: ends an until-close body, or is an error inside a message. */
  end(): void;
  /** Holds events until resume(), also from within an event. */
  pause(): void;
  resume(): void;
  /** From now on every byte, held ones first, is raw data: call when the request's upgrade or CONNECT was granted. */
  becomeRaw(): void;
  /** Bytes that wait for next() or resume(). Stop reading from the socket while this is not 0. */
  readonly heldBytes: number;
  /** True between messages with nothing held: the connection may be closed or pooled without loss. */
  readonly idle: boolean;
}

/** Parses what a client sends. Starts ready for the first request. */
export interface RequestParser extends MessageParser {
  /** After onEnd: parse the next request (held bytes at once). */
  next(): void;
}

/** Parses what a server sends. Starts waiting: nothing is parsed before next(). */
export interface ResponseParser extends MessageParser {
  /** A request was sent: parse its response. */
  next(to: ResponseTo): void;
}
