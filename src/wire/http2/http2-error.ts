import { errorName } from './protocol.ts';

/** What ended a whole connection. Thrown inside the codec, handed out as a value by onClose. */
export class Http2Error extends Error {
  override readonly name = 'Http2Error';
  /** HTTP/2 error code (ERROR_CODE). */
  readonly errorCode: number;
  /** `peer`: it sent GOAWAY with an error. `local`: we found fault with what it sent. `transport`: the bytes stopped. */
  readonly by: 'peer' | 'local' | 'transport';

  constructor(errorCode: number, message: string, by: 'peer' | 'local' | 'transport' = 'local') {
    super(message);
    this.errorCode = errorCode;
    this.by = by;
  }

  /** Stable code: `http2_protocol_error` and so on. */
  get code(): string {
    return `http2_${errorName(this.errorCode).toLowerCase().replace(' ', '_')}`;
  }
}

/** How a stream ended. */
export interface StreamEnd {
  /** HTTP/2 error code; NO_ERROR where both sides ended in order. */
  readonly errorCode: number;
  /** Who ended it: `both` in order, `peer` by RST_STREAM, `local` by reset() or because of what the peer sent, `connection` with all others. */
  readonly by: 'both' | 'peer' | 'local' | 'connection';
  /** True where the peer surely did nothing with the request: it may be sent again, whatever its method. */
  readonly retryable: boolean;
  /** A sentence for the person who reads the log; '' after an end in order. */
  readonly message: string;
}
