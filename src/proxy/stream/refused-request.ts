import type { Clock } from '../../lib/clock.ts';
import type { Headers } from '../../wire/headers.ts';
import { FLAG } from '../observe/response-flags.ts';
import type { BadRequest } from './codec.ts';
import { RequestlessFacts } from './connection-facts.ts';
import type { ConnectionView } from './connection-view.ts';

/** What can be logged of a request that the codec refused: how it was answered, and nothing of the request. */
export class RefusedRequest extends RequestlessFacts {
  readonly logType = 'DownstreamEnd';
  readonly durationMs = 0;
  override readonly protocol: string;
  override readonly responseCode: number;
  override readonly responseCodeDetails: string;
  override readonly responseHeaders: Headers;

  constructor(connection: ConnectionView, clock: Clock, protocol: string, refused: BadRequest) {
    super(connection, clock);
    this.protocol = protocol;
    this.responseCode = refused.status;
    this.responseCodeDetails = refused.details;
    this.responseHeaders = refused.headers;
    this.bytesSent = refused.bodyBytes;
    this.connectionTerminationDetails = refused.message;
    if (!refused.late) this.responseFlags = FLAG.downstreamProtocolError;
  }
}
