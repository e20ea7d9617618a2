/** The request of state-of-the-world ADS. Source: envoy/service/discovery/v3/discovery.proto. Responses: sendable.ts. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { decode } from './decode.ts';
import { decodeErrorDetail, type ErrorDetail, encodeErrorDetail } from './delta-messages.ts';
import { encode } from './encode.ts';
import type { Node } from './resources.ts';

/** Path of the one method of state-of-the-world ADS, for any gRPC transport. */
export const SOTW_ADS_PATH =
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** envoy.service.discovery.v3.DiscoveryRequest. */
export interface SotwRequest {
  /** In the first request of a stream. */
  readonly node?: Node;
  readonly typeUrl: string;
  /** All names that are wanted; none in a first request for listeners or clusters is all of them. */
  readonly names: readonly string[];
  /** Version of the last response that was accepted. */
  readonly version: string;
  /** Of the response that this answers; '' where it answers none. */
  readonly nonce: string;
  readonly error?: ErrorDetail;
}

const NODE_MESSAGE = 'envoy.config.core.v3.Node';
const text = WireType.LengthDelimited;

/** Bytes of a request. */
export function encodeSotwRequest(request: SotwRequest): Uint8Array {
  const writer = new BinaryWriter();
  if (request.version !== '') writer.tag(1, text).string(request.version);
  if (request.node !== undefined) writer.tag(2, text).bytes(encode(NODE_MESSAGE, request.node));
  for (const name of request.names) writer.tag(3, text).string(name);
  writer.tag(4, text).string(request.typeUrl);
  if (request.nonce !== '') writer.tag(5, text).string(request.nonce);
  if (request.error !== undefined) writer.tag(6, text).bytes(encodeErrorDetail(request.error));
  return writer.finish();
}

/** Reads a request. Throws where the bytes are no message; unknown fields are skipped. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const reader = new BinaryReader(bytes);
  const names: string[] = [];
  const one: { node?: Node; error?: ErrorDetail; typeUrl: string; version: string; nonce: string } = {
    typeUrl: '',
    version: '',
    nonce: '',
  };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== text) reader.skip(wireType, field);
    else if (field === 1) one.version = reader.string();
    else if (field === 2) one.node = decode<Node>(NODE_MESSAGE, reader.bytes());
    else if (field === 3) names.push(reader.string());
    else if (field === 4) one.typeUrl = reader.string();
    else if (field === 5) one.nonce = reader.string();
    else if (field === 6) one.error = decodeErrorDetail(reader.bytes());
    else reader.skip(wireType, field);
  }
  return { ...one, names };
}
