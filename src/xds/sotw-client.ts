/**
 * The client end of state-of-the-world xDS, told in the words of the delta client (delta-client.ts), so that one holder
 * speaks both. In: the delta client's requests; out: requests with all names, the version and nonce that hold. In: a
 * response with everything; out: what of it is new or changed, and for listeners and clusters what is gone.
 * A resource's version is a digest of its bytes: an unchanged one is not handed on again, whatever the server's version.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { DeltaClient } from './delta-client.ts';
import { type DeltaResource, WILDCARD } from './delta-messages.ts';
import { typeUrls } from './resources.ts';
import { encodeSotwRequest } from './sotw-messages.ts';
import type { XdsProtocol } from './xds-protocol.ts';

const wholeStateTypes: readonly string[] = [typeUrls.listener, typeUrls.cluster];
const text = WireType.LengthDelimited;

interface TypeState {
  /** Of the last response, answered or not. */
  nonce: string;
  /** Of responses not answered yet, by nonce. */
  readonly offered: Map<string, string>;
  /** Of the last response that was accepted. */
  version: string;
}

/** State of the world for the subscriptions of `delta`. `digest`: a short text that tells contents apart. */
export function sotwProtocol(delta: DeltaClient, digest: (bytes: Uint8Array) => string): XdsProtocol {
  const types = new Map<string, TypeState>();
  const typeOf = (typeUrl: string): TypeState => {
    let type = types.get(typeUrl);
    if (type === undefined) types.set(typeUrl, (type = { nonce: '', offered: new Map(), version: '' }));
    return type;
  };
  return {
    opened() {
      // Nonces belong to a stream, versions do not.
      for (const type of types.values()) {
        type.nonce = '';
        type.offered.clear();
      }
    },
    encode(request) {
      const type = typeOf(request.typeUrl);
      if (request.nonce !== '' && request.error === undefined)
        type.version = type.offered.get(request.nonce) ?? type.version;
      type.offered.delete(request.nonce);
      return encodeSotwRequest({
        ...(request.node === undefined ? {} : { node: request.node }),
        typeUrl: request.typeUrl,
        names: [...delta.subscriptions(request.typeUrl)].filter((name) => name !== WILDCARD),
        version: type.version,
        nonce: request.nonce || type.nonce,
        ...(request.error === undefined ? {} : { error: request.error }),
      });
    },
    decode(bytes) {
      const { typeUrl, version, nonce, resources } = readResponse(bytes, digest);
      const type = typeOf(typeUrl);
      type.nonce = nonce;
      type.offered.set(nonce, version);
      const held = delta.versions(typeUrl);
      const names = new Set(resources.map(({ name }) => name));
      const removed = wholeStateTypes.includes(typeUrl)
        ? [...held.keys()].filter((name) => !names.has(name))
        : [];
      const changed = resources.filter((resource) => held.get(resource.name) !== resource.version);
      return { typeUrl, systemVersion: version, nonce, resources: changed, removed };
    },
  };
}

/** envoy.service.discovery.v3.DiscoveryResponse. */
function readResponse(bytes: Uint8Array, digest: (bytes: Uint8Array) => string) {
  const reader = new BinaryReader(bytes);
  const one = { version: '', typeUrl: '', nonce: '' };
  const resources: DeltaResource[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== text) reader.skip(wireType, field);
    else if (field === 1) one.version = reader.string();
    else if (field === 2) resources.push(readResource(reader.bytes(), digest));
    else if (field === 4) one.typeUrl = reader.string();
    else if (field === 5) one.nonce = reader.string();
    else reader.skip(wireType, field);
  }
  return { ...one, resources };
}

const wrapperType = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** An Any with a resource; its name is field 1 of each of the five types. May be wrapped, with the name outside. */
function readResource(any: Uint8Array, digest: (bytes: Uint8Array) => string): DeltaResource {
  const { 1: typeUrl, 2: value } = stringsAndBytes(any);
  const type = typeUrl === undefined ? '' : decodeText(typeUrl);
  const content = value ?? new Uint8Array(0);
  if (type === wrapperType) {
    const { 2: inner = new Uint8Array(0), 3: name } = stringsAndBytes(content);
    const resource = readResource(inner, digest);
    return name === undefined ? resource : { ...resource, name: decodeText(name) };
  }
  const name = stringsAndBytes(content)[1];
  return {
    name: name === undefined ? '' : decodeText(name),
    typeUrl: type,
    version: digest(content),
    value: content,
  };
}

/** The last value of each length-delimited field of a message. */
function stringsAndBytes(bytes: Uint8Array): Record<number, Uint8Array | undefined> {
  const reader = new BinaryReader(bytes);
  const fields: Record<number, Uint8Array> = {};
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === text) fields[field] = reader.bytes();
    else reader.skip(wireType, field);
  }
  return fields;
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
