import type { Connection } from '../../wire/connection.ts';
import type { Headers } from '../../wire/headers.ts';
import type { Framing } from '../../wire/http1/message.ts';

/**
 * HTTP/1 and HTTP/2 behind one shape. A codec owns a connection and speaks of streams: what one end sends is calls of
 * these objects, what it receives is events. HTTP/1 has one stream at a time. Nothing here knows of routes or clusters.
 *
 * What is sent is gathered until flush(), so that a head and a small body are one system call; a codec's reader
 * flushes the other side after every buffer it has handed on.
 */

/** A request as it is sent to an upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path with query; the authority for CONNECT. */
  readonly target: string;
  /** `http` or `https`, as the client asked; HTTP/1 does not send it. */
  readonly scheme: string;
  /** With host, without hop-by-hop fields. */
  readonly headers: Headers;
  /** `stream`: of unknown length, HTTP/1 sends chunks. */
  readonly body: 'none' | 'length' | 'stream';
  /**
   * The protocol asked for by Upgrade, '' for none. HTTP/2 asks for it by an extended CONNECT; both are GET here, and
   * the answer that grants it is 101 with body `raw` whatever the upstream speaks.
   */
  readonly upgrade: string;
}

/** A response's head as it came from an upstream. */
export interface UpstreamResponse {
  readonly status: number;
  /** '' where there is none, as in HTTP/2. */
  readonly reason: string;
  /** As received, hop-by-hop fields included. The receiver owns the array. */
  readonly headers: Headers;
  /** `raw`: bytes of another protocol in both directions from now on. */
  readonly body: 'none' | 'length' | 'stream' | 'raw';
}

/** What an upstream stream reports; nothing follows onResponseEnd together with the request's end, or onReset. */
export interface UpstreamEvents {
  onInformational(status: number, headers: Headers): void;
  onResponse(response: UpstreamResponse): void;
  onResponseData(bytes: Buffer): void;
  onResponseEnd(trailers: Headers | undefined): void;
  /** Everything that arrived together was handed on. */
  onResponseFlush(): void;
  /** There is room again after a send or flush returned false. */
  onRequestDrain(): void;
  onReset(reset: StreamReset): void;
}

/** Why a stream ended before its end. */
export interface StreamReset {
  readonly reason:
    | 'termination'
    /** The connection was reset. */
    | 'remote-reset'
    /** The stream alone was reset. */
    | 'stream-reset'
    /** The endpoint did not look at the request: it may be sent again, whatever its method. */
    | 'refused'
    | 'protocol-error';
  /** A sentence for the person who reads the log. */
  readonly message: string;
  /** The connection had carried other requests before: the peer may have closed it for idleness. */
  readonly reused: boolean;
}

/** The sending side of a stream to an upstream. */
export interface UpstreamStream {
  /** False: wait for onRequestDrain. `last`: nobody else has the bytes. */
  sendData(bytes: Buffer, last?: boolean): boolean;
  sendEnd(trailers: Headers | undefined): void;
  flush(): boolean;
  /** Stops and restarts the response. */
  pause(): void;
  resume(): void;
  /** Nobody wants the response: no event follows. */
  cancel(): void;
  readonly connection: Connection;
  /** Undefined for a stream of bytes. */
  readonly protocol: 'HTTP/1.1' | 'HTTP/2' | undefined;
  /** `10.0.0.1:1234` of this end of the connection. */
  readonly localText: string;
}

/** Where a stream can be opened: an HTTP/1 connection that is free, an HTTP/2 connection with room. */
export interface UpstreamTransport {
  open(request: UpstreamRequest, events: UpstreamEvents): UpstreamStream;
}

/** A request as a client sent it. What HTTP/1's parser hands out has this shape as it is. */
export interface DownstreamRequest {
  readonly method: string;
  /** Path with query; '' for CONNECT. */
  readonly path: string;
  readonly authority: string;
  /** With host where there is an authority; the receiver owns the array. */
  readonly headers: Headers;
  /** 10 is HTTP/1.0, 11 HTTP/1.1, 20 HTTP/2. */
  readonly version: 10 | 11 | 20;
  readonly framing: Framing;
  /** The client takes further answers on this connection. */
  readonly keepAlive: boolean;
  /** The protocol to switch to, '' for none. */
  readonly upgrade: string;
  readonly expectContinue: boolean;
  /** What the client says in HTTP/2; nobody says it in HTTP/1. */
  readonly scheme?: string;
}

/** A response as it is sent to a client. */
export interface DownstreamResponse {
  readonly status: number;
  /** '' for the registered phrase. */
  readonly reason: string;
  /** Without hop-by-hop fields. */
  readonly headers: Headers;
  readonly body: 'none' | 'length' | 'stream' | 'raw';
  /** The protocol that was switched to, '' for none. */
  readonly upgrade: string;
}

/** Why a client's stream ended before its end. */
export type ResetReason = 'gone' | 'reset' | 'protocol-error';

/** What a client's stream reports. Nothing follows onRequestReset. */
export interface DownstreamEvents {
  onRequestData(bytes: Buffer): void;
  onRequestEnd(trailers: Headers | undefined): void;
  onRequestFlush(): void;
  onResponseDrain(): void;
  /** The connection is gone, or the client cut this stream, or it broke the protocol: `answered` already, or cut. */
  onRequestReset(message: string, why: ResetReason, answered?: BadRequest): void;
}

/** The sending side of a client's stream. */
export interface DownstreamStream {
  sendInformational(status: number, headers: Headers): void;
  /** `close`: the connection takes no further request. */
  sendHead(response: DownstreamResponse, close: boolean): void;
  /** `last`: nobody else has the bytes. */
  sendData(bytes: Buffer, last: boolean): boolean;
  sendEnd(trailers: Headers | undefined): void;
  flush(): boolean;
  /** Holds and releases the events of the request. */
  pause(): void;
  resume(): void;
  /** Cuts the stream without another word. */
  reset(): void;
}

/** How a codec answered what no engine can work on. */
export interface BadRequest {
  /** 0: no answer, cut. */
  readonly status: number;
  /** For %RESPONSE_CODE_DETAILS%. */
  readonly details: string;
  /** A sentence for the person who reads the log. */
  readonly message: string;
  /** Of the answer. */
  readonly headers: Headers;
  readonly bodyBytes: number;
  /** Nothing was wrong but the time it took. */
  readonly late?: boolean;
}

/** Who answers the requests of a client's connection, whatever it speaks. */
export interface RequestAcceptor {
  /** A request's head; the answer goes to `stream`, the rest of the request to what is returned. */
  onRequest(head: DownstreamRequest, stream: DownstreamStream): DownstreamEvents;
  /** The bytes are nothing that may be passed on: answered already, for logs and counts. */
  onBadRequest(refused: BadRequest): void;
  /** The connection broke its protocol, and no request can be blamed. */
  onBroken(): void;
  /** Adds to an answer that no engine made what every response says: who serves, and when. */
  sign(headers: Headers): void;
  /** The connection is gone; `midRequest`: with a request open. */
  onClosed(midRequest: boolean): void;
}

/** The server's end of a client's connection. */
export interface DownstreamCodec {
  /** Takes no further request: ends when those that are open have ended. `gently`: as TerminalFilter.drain. */
  drain(gently?: boolean): void;
}
