/**
 * Plain objects to protobuf bytes. An object has the proto3-JSON shape of its message with proto field names; a field
 * that is absent or at its default is not written. A field that the message does not have is an error that names it:
 * what weft emits must never be dropped silently.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Field, Message } from './schema.ts';
import { enumAt, enumName, messageAt, messageName, messageNumber } from './schema.ts';
import { fromBase64, wellKnown } from './well-known.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The bytes of `value` as the message `name` (full proto name). Throws an Error that names the field. */
export function encode(name: string, value: unknown): Uint8Array {
  const number = messageNumber(name);
  if (number < 0) throw new Error(`no message '${name}' is known`);
  const writer = new BinaryWriter();
  writeMessage(writer, number, value);
  return writer.finish();
}

/** Bytes of parts of messages by the part's object, for {@link encodeByParts}, with the field that they are bytes of. */
export type EncodedParts = WeakMap<object, { readonly field: Field; readonly bytes: Uint8Array }>;

/**
 * The same bytes as {@link encode} makes, in chunks, except that fields with lists of messages come last. The messages in such lists
 * are remembered: one that is the same object in another resource, or in the next version of this one, is the same chunk.
 */
export function encodeByParts(name: string, value: object, parts: EncodedParts): readonly Uint8Array[] {
  const number = messageNumber(name);
  if (number < 0) throw new Error(`no message '${name}' is known`);
  const message = messageAt(number);
  const rest: Record<string, unknown> = {};
  const chunks: Uint8Array[] = [];
  for (const [key, item] of Object.entries(value)) {
    const field = message.byName.get(key);
    const isList =
      field !== undefined && field.kind === 'repeated' && field.message >= 0 && Array.isArray(item);
    if (isList) for (const part of item) chunks.push(partOf(message, field, part, parts));
    else rest[key] = item;
  }
  return [encode(name, rest), ...chunks];
}

/** One message of a list with its tag and length. */
function partOf(message: Message, field: Field, value: object, parts: EncodedParts): Uint8Array {
  const known = parts.get(value);
  if (known?.field === field) return known.bytes;
  const writer = new BinaryWriter();
  writeOne(writer, message, field, value, true);
  const bytes = writer.finish();
  parts.set(value, { field, bytes });
  return bytes;
}

function writeMessage(writer: BinaryWriter, number: number, value: unknown): void {
  const name = messageName(number);
  const special = wellKnown(name);
  if (name === 'google.protobuf.Any') writeAny(writer, value as Fields);
  else if (special !== undefined) special.encode(writer, value);
  else writeFields(writer, messageAt(number), value as Fields, false);
}

function writeFields(writer: BinaryWriter, message: Message, value: Fields, inAny: boolean): void {
  for (const key in value) {
    const item = value[key];
    if (item === undefined) continue;
    const field = message.byName.get(key);
    if (field !== undefined) writeField(writer, message, field, item);
    else if (!(inAny && key === '@type')) throw new Error(`${message.name} has no field '${key}'`);
  }
}

/** google.protobuf.Any: `@type` and the fields beside it, or `value` where the message is well-known or unknown. */
function writeAny(writer: BinaryWriter, value: Fields): void {
  const url = value['@type'];
  if (typeof url !== 'string') throw new Error("a typed_config has no '@type'");
  writer.tag(1, WireType.LengthDelimited).string(url);
  const number = messageNumber(url.slice(url.lastIndexOf('/') + 1));
  writer.tag(2, WireType.LengthDelimited);
  if (number < 0) {
    writer.bytes(fromBase64(String(value['value'] ?? '')));
    return;
  }
  writer.fork();
  const special = wellKnown(messageName(number));
  if (special !== undefined) special.encode(writer, value['value']);
  else writeFields(writer, messageAt(number), value, true);
  writer.join();
}

function writeField(writer: BinaryWriter, message: Message, field: Field, value: unknown): void {
  if (field.kind === 'one') writeOne(writer, message, field, value, true);
  else if (field.kind === 'map') writeMap(writer, message, field, value as Fields);
  else if (!Array.isArray(value)) throw new Error(`${message.name}.${field.name} takes a list`);
  else if (isPacked(field)) writePacked(writer, message, field, value);
  else for (const item of value) writeOne(writer, message, field, item, true);
}

function isPacked(field: Field): boolean {
  return field.message < 0 && field.scalar !== 's' && field.scalar !== 'y';
}

function writePacked(writer: BinaryWriter, message: Message, field: Field, values: readonly unknown[]): void {
  if (values.length === 0) return;
  writer.tag(field.id, WireType.LengthDelimited).fork();
  for (const item of values) writeScalar(writer, message, field, item);
  writer.join();
}

function writeMap(writer: BinaryWriter, message: Message, field: Field, value: Fields): void {
  for (const key of Object.keys(value)) {
    writer.tag(field.id, WireType.LengthDelimited).fork();
    if (field.integerKeys) writer.tag(1, WireType.Varint).uint32(Number(key));
    else writer.tag(1, WireType.LengthDelimited).string(key);
    writeOne(writer, message, { ...field, id: 2 }, value[key], true);
    writer.join();
  }
}

function writeOne(
  writer: BinaryWriter,
  message: Message,
  field: Field,
  value: unknown,
  tagged: boolean,
): void {
  if (field.message >= 0) {
    writer.tag(field.id, WireType.LengthDelimited).fork();
    writeMessage(writer, field.message, value);
    writer.join();
    return;
  }
  if (tagged) writer.tag(field.id, wireTypes[field.scalar]!);
  writeScalar(writer, message, field, value);
}

const wireTypes: Readonly<Record<string, WireType>> = {
  d: WireType.Bit64,
  f: WireType.Bit32,
  x: WireType.Bit32,
  v: WireType.Bit32,
  X: WireType.Bit64,
  V: WireType.Bit64,
  s: WireType.LengthDelimited,
  y: WireType.LengthDelimited,
  ...Object.fromEntries([...'iujkbzZe'].map((letter) => [letter, WireType.Varint])),
};

const scalarWriters: Readonly<Record<string, (writer: BinaryWriter, value: never) => void>> = {
  d: (w, v: number) => w.double(v),
  f: (w, v: number) => w.float(v),
  i: (w, v: number) => w.int32(v),
  u: (w, v: number) => w.uint32(v),
  j: (w, v: number) => w.int64(v),
  k: (w, v: number) => w.uint64(v),
  z: (w, v: number) => w.sint32(v),
  Z: (w, v: number) => w.sint64(v),
  x: (w, v: number) => w.fixed32(v),
  X: (w, v: number) => w.fixed64(v),
  v: (w, v: number) => w.sfixed32(v),
  V: (w, v: number) => w.sfixed64(v),
  b: (w, v: boolean) => w.bool(v),
  s: (w, v: string) => w.string(v),
  y: (w, v: string) => w.bytes(fromBase64(v)),
};

function writeScalar(writer: BinaryWriter, message: Message, field: Field, value: unknown): void {
  try {
    if (field.enumeration >= 0) writer.int32(enumNumber(field.enumeration, value));
    else scalarWriters[field.scalar]!(writer, value as never);
  } catch (cause) {
    throw new Error(`${message.name}.${field.name}: ${(cause as Error).message}`, { cause });
  }
}

/** An enum value by name; a number passes through (values newer than our tables). */
function enumNumber(index: number, value: unknown): number {
  if (typeof value === 'number') return value;
  const number = enumAt(index).byName.get(String(value));
  if (number === undefined) throw new Error(`'${String(value)}' is not a value of ${enumName(index)}`);
  return number;
}
