import type { Side } from '../connection.ts';
import type { Http1ErrorCode } from './error.ts';
import { type ParsedHead, parseRequestHead, parseResponseHead } from './heads.ts';
import type { Http1Limits } from './limits.ts';
import type { MessageHead, RequestHead, ResponseHead, ResponseTo } from './message.ts';

/** What differs between reading requests and reading responses. */
export interface Role<Head extends MessageHead> {
  readonly side: Side;
  /** Whether a message is expected before the first next(). */
  readonly startsReady: boolean;
  /** Blank lines tolerated before a head: RFC 9112 §2.2 asks a server to ignore at least one. */
  readonly maxBlankLines: number;
  parseHead(bytes: Buffer, from: number, limits: Http1Limits, to: ResponseTo): ParsedHead<Head>;
  /** Whether another head follows for the same request. */
  isInformational(head: Head): boolean;
  /** What it means when the input ends where a head would begin; undefined: nothing. */
  readonly endedBeforeHead: Http1ErrorCode | undefined;
}

/** Reads what clients send. */
export const REQUESTS: Role<RequestHead> = {
  side: 'downstream',
  startsReady: true,
  maxBlankLines: 2,
  parseHead: parseRequestHead,
  isInformational: () => false,
  endedBeforeHead: undefined,
};

/** Reads what servers send. */
export const RESPONSES: Role<ResponseHead> = {
  side: 'upstream',
  startsReady: false,
  maxBlankLines: 0,
  parseHead: parseResponseHead,
  isInformational: (head) => head.status < 200 && head.status !== 101,
  endedBeforeHead: 'ended_before_head',
};
