import {
  type DeltaRequest,
  type DeltaResponse,
  decodeDeltaResponse,
  encodeDeltaRequest,
} from './delta-messages.ts';

/** How requests and responses travel on one stream. */
export interface XdsProtocol {
  /** A new stream begins. */
  opened(): void;
  encode(request: DeltaRequest): Uint8Array;
  /** Throws where the bytes are no message. */
  decode(bytes: Uint8Array): DeltaResponse;
}

/** Delta xDS as it is. */
export const deltaProtocol: XdsProtocol = {
  opened() {},
  encode: encodeDeltaRequest,
  decode: decodeDeltaResponse,
};
