/**
 * A resource ready to be sent: encoded once, its bytes shared by every proxy and by every response that carries it.
 * Layouts: envoy/service/discovery/v3/discovery.proto, google/protobuf/any.proto.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { joined } from './joined.ts';

/** One resource with its bytes. */
export interface Sendable {
  readonly name: string;
  /** Of the content: equal content has an equal version, also after a restart of the server. Never ''. */
  readonly version: string;
  /** Bytes of the google.protobuf.Any that holds the resource, in pieces: large resources share most of theirs. */
  readonly any: readonly Uint8Array[];
  /** In a delta response: what stands before `any`, from the tag of the Resource on. */
  readonly deltaHead: Uint8Array;
  /**
   * Of a cluster: the name of the load assignment that it takes by EDS. It is sent again after the cluster, since Envoy
   * warms the changed cluster on it and does not ask for what it has subscribed to before (envoyproxy/envoy#13009).
   */
  readonly endpoints?: string;
}

/** One response to send. */
export interface Push {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly systemVersion: string;
  readonly resources: readonly Sendable[];
  /** The same in lists, as far as other clients are sent the same lists; absent: not known. */
  readonly groups?: readonly (readonly Sendable[])[];
  /** Only in delta: names that are gone or do not exist. */
  readonly removed: readonly string[];
}

const text = WireType.LengthDelimited;

/** Wraps the bytes of the message that `typeUrl` names, which may come in chunks; all but the first are kept by reference. */
export function sendable(
  name: string,
  version: string,
  typeUrl: string,
  value: Uint8Array | readonly Uint8Array[],
  endpoints?: string,
): Sendable {
  const [first = NOTHING, ...others] = value instanceof Uint8Array ? [value] : value;
  const bytes = others.reduce((sum, { length }) => sum + length, first.length);
  const anyHead = new BinaryWriter().tag(1, text).string(typeUrl).tag(2, text).uint32(bytes).finish();
  const any = [joined([anyHead, first]), ...others];
  const length = anyHead.length + bytes;
  const inner = new BinaryWriter().tag(1, text).string(version).tag(3, text).string(name);
  const fields = inner.tag(2, text).uint32(length).finish();
  const outer = new BinaryWriter().tag(2, text).uint32(fields.length + length);
  const deltaHead = outer.raw(fields).finish();
  return { name, version, any, deltaHead, ...(endpoints === undefined ? {} : { endpoints }) };
}

const NOTHING = new Uint8Array(0);

/** How many bytes the resource's Any is. */
export function anyBytes({ any }: Sendable): number {
  return any.reduce((sum, { length }) => sum + length, 0);
}

/** The chunks of an envoy.service.discovery.v3.DeltaDiscoveryResponse, to be put one after the other. */
export function deltaChunks(push: Push): readonly Uint8Array[] {
  const head = new BinaryWriter().tag(1, text).string(push.systemVersion);
  const tail = new BinaryWriter().tag(4, text).string(push.typeUrl).tag(5, text).string(push.nonce);
  for (const name of push.removed) tail.tag(6, text).string(name);
  const chunks: Uint8Array[] = [head.finish()];
  for (const resource of push.resources) chunks.push(resource.deltaHead, ...resource.any);
  chunks.push(tail.finish());
  return chunks;
}

/** The same as {@link deltaChunks} in few pieces: a long list of resources is one, the same bytes for everyone who is sent it. */
export function deltaPieces(push: Push): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const group of push.groups ?? [push.resources])
    for (const piece of bodyOf(group, deltaBodies, deltaResource)) pieces.push(piece);
  pieces.push(tailOf(push));
  return pieces;
}

/** An envoy.service.discovery.v3.DiscoveryResponse in pieces, likewise. */
export function sotwPieces(push: Push): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const group of push.groups ?? [push.resources])
    for (const piece of bodyOf(group, sotwBodies, sotwResource)) pieces.push(piece);
  pieces.push(tailOf({ ...push, removed: [] }));
  return pieces;
}

/** What `tailOf` made last without the nonce: one after the other, clients are sent the same but for that. */
let lastTail = { systemVersion: '', typeUrl: '', bytes: new Uint8Array(0) };

function tailOf({ systemVersion, typeUrl, nonce, removed }: Push): Uint8Array {
  if (systemVersion !== lastTail.systemVersion || typeUrl !== lastTail.typeUrl) {
    const writer = new BinaryWriter().tag(1, text).string(systemVersion).tag(4, text).string(typeUrl);
    lastTail = { systemVersion, typeUrl, bytes: writer.finish() };
  }
  const { bytes } = lastTail;
  if (removed.length > 0 || nonce.length > MAX_SHORT_NONCE) {
    const writer = new BinaryWriter().raw(bytes).tag(5, text).string(nonce);
    for (const name of removed) writer.tag(6, text).string(name);
    return writer.finish();
  }
  const tail = Buffer.allocUnsafe(bytes.length + 2 + nonce.length);
  tail.set(bytes);
  tail[bytes.length] = NONCE_TAG;
  tail[bytes.length + 1] = nonce.length;
  tail.write(nonce, bytes.length + 2, 'latin1');
  return tail;
}

/** Field 5, as bytes of a length, which is one byte up to this. Nonces are ours and ASCII. */
const NONCE_TAG = (5 << 3) | WireType.LengthDelimited;
const MAX_SHORT_NONCE = 127;

type Bodies = WeakMap<readonly Sendable[], readonly Uint8Array[]>;
const deltaBodies: Bodies = new WeakMap();
const sotwBodies: Bodies = new WeakMap();

function deltaResource({ deltaHead, any }: Sendable): readonly Uint8Array[] {
  return [deltaHead, ...any];
}

function sotwResource(resource: Sendable): readonly Uint8Array[] {
  return [new BinaryWriter().tag(2, text).uint32(anyBytes(resource)).finish(), ...resource.any];
}

/** A list of resources as a part of a response, in few pieces unless it is short. */
function bodyOf(
  resources: readonly Sendable[],
  bodies: Bodies,
  chunksOf: (resource: Sendable) => readonly Uint8Array[],
): readonly Uint8Array[] {
  let body = bodies.get(resources);
  if (body === undefined) {
    const chunks = resources.flatMap(chunksOf);
    body = resources.length <= SHORT ? chunks : smallJoined(chunks);
    bodies.set(resources, body);
  }
  return body;
}

/** Large chunks stay as they are, others share them; small ones that follow one another are one piece. */
function smallJoined(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const close = (): void => {
    if (small.length > 0) pieces.push(joined(small));
    small = [];
  };
  for (const chunk of chunks) {
    if (chunk.length < LARGE_BYTES) {
      small.push(chunk);
      continue;
    }
    close();
    pieces.push(chunk);
  }
  close();
  return pieces;
}

/** From this size on a chunk is a piece by itself. */
const LARGE_BYTES = 32 * 1024;

/** So few resources are sent as they are. */
const SHORT = 4;
