// What a workload tells the CA once it uses the certificate it was issued: weft.identity.v1.IdentityService/LeafInUse.
// A rotation withdraws an old root when every certificate below it is out of use, not merely replaced. A CA of others
// does not know the method, and nothing is lost.

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Path of the method, for any gRPC transport. The request is one string, field 1: the serial in hex. The answer is empty. */
export const LEAF_IN_USE_PATH = '/weft.identity.v1.IdentityService/LeafInUse';

/** Longest serial (RFC 5280: 20 bytes) in hex. */
const MAX_SERIAL = 40;
const SERIAL = 1;

/** Bytes of the request. */
export function encodeLeafInUse(serialHex: string): Uint8Array {
  return new BinaryWriter().tag(SERIAL, WireType.LengthDelimited).string(serialHex).finish();
}

/** The serial of a request, in lower case; '' where there is none. Throws on bytes that are no message. */
export function decodeLeafInUse(bytes: Uint8Array): string {
  const reader = new BinaryReader(bytes);
  let serial = '';
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === SERIAL && wireType === WireType.LengthDelimited) serial = reader.string();
    else reader.skip(wireType, field);
  }
  return serial.length > MAX_SERIAL ? '' : serial.toLowerCase();
}
