/**
 * The two messages of delta ADS, with resources as bytes: whoever relays or caches resources never decodes them, and a
 * server sends the same bytes to every proxy. Source: envoy/service/discovery/v3/discovery.proto.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import type { Node } from './resources.ts';

/** Path of the one method of delta ADS, for any gRPC transport. */
export const DELTA_ADS_PATH =
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** The name that stands for all resources of a type. */
export const WILDCARD = '*';

/** One resource as it travels: `value` holds the bytes of the message that `typeUrl` names. */
export interface DeltaResource {
  readonly name: string;
  readonly version: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** Why a response was refused: a gRPC code and a sentence. */
export interface ErrorDetail {
  readonly code: number;
  readonly message: string;
}

/** envoy.service.discovery.v3.DeltaDiscoveryRequest. */
export interface DeltaRequest {
  /** In the first request of a stream. */
  readonly node?: Node;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client holds already, name to version; in the first request of a type on a stream. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Of the response that this acknowledges or refuses; '' where it answers none. */
  readonly nonce: string;
  readonly error?: ErrorDetail;
}

/** envoy.service.discovery.v3.DeltaDiscoveryResponse. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly systemVersion: string;
  readonly nonce: string;
  readonly resources: readonly DeltaResource[];
  readonly removed: readonly string[];
}

const NODE_MESSAGE = 'envoy.config.core.v3.Node';
const text = WireType.LengthDelimited;

/** Bytes of a request. Throws an Error where the node has a field that its message does not know. */
export function encodeDeltaRequest(request: DeltaRequest): Uint8Array {
  const writer = new BinaryWriter();
  if (request.node !== undefined) writer.tag(1, text).bytes(encode(NODE_MESSAGE, request.node));
  writer.tag(2, text).string(request.typeUrl);
  for (const name of request.subscribe) writer.tag(3, text).string(name);
  for (const name of request.unsubscribe) writer.tag(4, text).string(name);
  for (const [name, version] of request.initialVersions) {
    writer.tag(5, text).fork().tag(1, text).string(name).tag(2, text).string(version).join();
  }
  if (request.nonce !== '') writer.tag(6, text).string(request.nonce);
  if (request.error !== undefined) writer.tag(7, text).bytes(encodeErrorDetail(request.error));
  return writer.finish();
}

/** Reads a request. Throws where the bytes are no message; unknown fields are skipped. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const reader = new BinaryReader(bytes);
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  const one: { node?: Node; error?: ErrorDetail; typeUrl: string; nonce: string } = {
    typeUrl: '',
    nonce: '',
  };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== text) reader.skip(wireType, field);
    else if (field === 1) one.node = decode<Node>(NODE_MESSAGE, reader.bytes());
    else if (field === 2) one.typeUrl = reader.string();
    else if (field === 3) subscribe.push(reader.string());
    else if (field === 4) unsubscribe.push(reader.string());
    else if (field === 5) initialVersions.set(...decodeEntry(reader.bytes()));
    else if (field === 6) one.nonce = reader.string();
    else if (field === 7) one.error = decodeErrorDetail(reader.bytes());
    else reader.skip(wireType, field);
  }
  return { ...one, subscribe, unsubscribe, initialVersions };
}

/** Reads a response. Throws where the bytes are no message; unknown fields are skipped. */
export function decodeDeltaResponse(bytes: Uint8Array): DeltaResponse {
  const reader = new BinaryReader(bytes);
  const resources: DeltaResource[] = [];
  const removed: string[] = [];
  const one = { typeUrl: '', systemVersion: '', nonce: '' };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== text) reader.skip(wireType, field);
    else if (field === 1) one.systemVersion = reader.string();
    else if (field === 2) resources.push(decodeResource(reader.bytes()));
    else if (field === 4) one.typeUrl = reader.string();
    else if (field === 5) one.nonce = reader.string();
    else if (field === 6) removed.push(reader.string());
    else reader.skip(wireType, field);
  }
  return { ...one, resources, removed };
}

function decodeResource(bytes: Uint8Array): DeltaResource {
  const reader = new BinaryReader(bytes);
  let name = '';
  let version = '';
  let any = { typeUrl: '', value: new Uint8Array(0) as Uint8Array };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === text && field === 1) version = reader.string();
    else if (wireType === text && field === 2) any = decodeAny(reader.bytes());
    else if (wireType === text && field === 3) name = reader.string();
    else reader.skip(wireType, field);
  }
  return { name, version, ...any };
}

/** google.protobuf.Any with its content left as bytes. */
function decodeAny(bytes: Uint8Array): { typeUrl: string; value: Uint8Array } {
  const reader = new BinaryReader(bytes);
  let typeUrl = '';
  let value: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === text && field === 1) typeUrl = reader.string();
    else if (wireType === text && field === 2) value = reader.bytes();
    else reader.skip(wireType, field);
  }
  return { typeUrl, value };
}

function decodeEntry(bytes: Uint8Array): [string, string] {
  const reader = new BinaryReader(bytes);
  let key = '';
  let value = '';
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === text && field === 1) key = reader.string();
    else if (wireType === text && field === 2) value = reader.string();
    else reader.skip(wireType, field);
  }
  return [key, value];
}

/** Bytes of a google.rpc.Status without details. */
export function encodeErrorDetail(error: ErrorDetail): Uint8Array {
  const writer = new BinaryWriter();
  if (error.code !== 0) writer.tag(1, WireType.Varint).int32(error.code);
  return writer.tag(2, text).string(error.message).finish();
}

/** Reads a google.rpc.Status; details are skipped. */
export function decodeErrorDetail(bytes: Uint8Array): ErrorDetail {
  const reader = new BinaryReader(bytes);
  let code = 0;
  let message = '';
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.Varint && field === 1) code = reader.int32();
    else if (wireType === text && field === 2) message = reader.string();
    else reader.skip(wireType, field);
  }
  return { code, message };
}
