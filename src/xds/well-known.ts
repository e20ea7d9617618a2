/**
 * The messages of google.protobuf whose JSON form is not an object of their fields: durations and timestamps are
 * strings, wrappers their value, Struct a JSON object (protobuf JSON mapping, proto3 language guide).
 */
import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { WireType } from '@bufbuild/protobuf/wire';
import type { Json } from './gen/types.ts';

export interface WellKnown {
  encode(writer: BinaryWriter, value: unknown): void;
  decode(reader: BinaryReader, end: number): unknown;
}

/** How deep JSON in a Struct may nest: deeper input is refused, not followed. */
const maxJsonDepth = 64;

/** The codec of a well-known message by its full name, or undefined. `Any` is the codec's own. */
export function wellKnown(name: string): WellKnown | undefined {
  return table[name];
}

const table: Readonly<Record<string, WellKnown>> = {
  'google.protobuf.Duration': { encode: writeDuration, decode: readDuration },
  'google.protobuf.Timestamp': { encode: writeTimestamp, decode: readTimestamp },
  'google.protobuf.Struct': { encode: writeStruct, decode: (r, end) => readStruct(r, end, 0) },
  'google.protobuf.Value': { encode: writeValue, decode: (r, end) => readValue(r, end, 0) },
  'google.protobuf.ListValue': { encode: writeList, decode: (r, end) => readList(r, end, 0) },
  'google.protobuf.DoubleValue': wrapper(
    (w, v) => w.tag(1, WireType.Bit64).double(Number(v)),
    (r) => r.double(),
    0,
  ),
  'google.protobuf.FloatValue': wrapper(
    (w, v) => w.tag(1, WireType.Bit32).float(Number(v)),
    (r) => r.float(),
    0,
  ),
  'google.protobuf.Int64Value': wrapper(
    (w, v) => w.tag(1, WireType.Varint).int64(v as number),
    (r) => Number(r.int64()),
    0,
  ),
  'google.protobuf.UInt64Value': wrapper(
    (w, v) => w.tag(1, WireType.Varint).uint64(v as number),
    (r) => Number(r.uint64()),
    0,
  ),
  'google.protobuf.Int32Value': wrapper(
    (w, v) => w.tag(1, WireType.Varint).int32(Number(v)),
    (r) => r.int32(),
    0,
  ),
  'google.protobuf.UInt32Value': wrapper(
    (w, v) => w.tag(1, WireType.Varint).uint32(Number(v)),
    (r) => r.uint32(),
    0,
  ),
  'google.protobuf.BoolValue': wrapper(
    (w, v) => w.tag(1, WireType.Varint).bool(v === true),
    (r) => r.bool(),
    false,
  ),
  'google.protobuf.StringValue': wrapper(
    (w, v) => w.tag(1, WireType.LengthDelimited).string(String(v)),
    (r) => r.string(),
    '',
  ),
  'google.protobuf.BytesValue': wrapper(
    (w, v) => w.tag(1, WireType.LengthDelimited).bytes(fromBase64(String(v))),
    (r) => toBase64(r.bytes()),
    '',
  ),
};

/** Standard base64 to bytes; throws on other characters. */
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

function wrapper(
  write: (w: BinaryWriter, v: unknown) => unknown,
  read: (r: BinaryReader) => unknown,
  absent: unknown,
): WellKnown {
  return {
    encode: (writer, value) => {
      if (value !== absent) write(writer, value);
    },
    decode: (reader, end) => {
      let value = absent;
      eachField(reader, end, (id) => {
        if (id !== 1) return false;
        value = read(reader);
        return true;
      });
      return value;
    },
  };
}

/** Calls `take(id)` for each field up to `end`; a field it does not take is skipped. */
function eachField(reader: BinaryReader, end: number, take: (id: number) => boolean): void {
  while (reader.pos < end) {
    const [id, type] = reader.tag();
    if (!take(id)) reader.skip(type, id);
  }
}

function readSecondsAndNanos(reader: BinaryReader, end: number): [seconds: number, nanos: number] {
  let seconds = 0;
  let nanos = 0;
  eachField(reader, end, (id) => {
    if (id === 1) seconds = Number(reader.int64());
    else if (id === 2) nanos = reader.int32();
    else return false;
    return true;
  });
  return [seconds, nanos];
}

function writeSecondsAndNanos(writer: BinaryWriter, seconds: number, nanos: number): void {
  if (seconds !== 0) writer.tag(1, WireType.Varint).int64(seconds);
  if (nanos !== 0) writer.tag(2, WireType.Varint).int32(nanos);
}

function writeDuration(writer: BinaryWriter, value: unknown): void {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(String(value));
  if (match === null) throw new Error(`'${String(value)}' is not a duration like '1.5s'`);
  const sign = match[1] === '-' ? -1 : 1;
  writeSecondsAndNanos(writer, sign * Number(match[2]), sign * Number((match[3] ?? '').padEnd(9, '0')));
}

function readDuration(reader: BinaryReader, end: number): string {
  const [seconds, nanos] = readSecondsAndNanos(reader, end);
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

/** Nanoseconds as a decimal fraction without trailing zeros: `.25`, or nothing. */
function fraction(nanos: number): string {
  return nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

function writeTimestamp(writer: BinaryWriter, value: unknown): void {
  const ms = Date.parse(String(value));
  if (Number.isNaN(ms)) throw new Error(`'${String(value)}' is not a time like '2026-01-31T12:00:00Z'`);
  const seconds = Math.floor(ms / 1000);
  writeSecondsAndNanos(writer, seconds, (ms - seconds * 1000) * 1_000_000);
}

function readTimestamp(reader: BinaryReader, end: number): string {
  const [seconds, nanos] = readSecondsAndNanos(reader, end);
  return new Date(seconds * 1000 + nanos / 1_000_000).toISOString();
}

function writeStruct(writer: BinaryWriter, value: unknown): void {
  for (const [key, item] of Object.entries(value as Record<string, Json>)) {
    writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(key);
    writeValue(writer.tag(2, WireType.LengthDelimited).fork(), item);
    writer.join().join();
  }
}

function writeList(writer: BinaryWriter, value: unknown): void {
  for (const item of value as readonly Json[]) {
    writeValue(writer.tag(1, WireType.LengthDelimited).fork(), item);
    writer.join();
  }
}

function writeValue(writer: BinaryWriter, value: unknown): void {
  if (value === null || value === undefined) writer.tag(1, WireType.Varint).int32(0);
  else if (typeof value === 'number') writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(value);
  else if (typeof value === 'boolean') writer.tag(4, WireType.Varint).bool(value);
  else if (Array.isArray(value)) {
    writeList(writer.tag(6, WireType.LengthDelimited).fork(), value);
    writer.join();
  } else {
    writeStruct(writer.tag(5, WireType.LengthDelimited).fork(), value);
    writer.join();
  }
}

function readStruct(reader: BinaryReader, end: number, depth: number): Record<string, Json> {
  const result: Record<string, Json> = {};
  eachField(reader, end, (id) => {
    if (id !== 1) return false;
    const stop = reader.uint32() + reader.pos;
    let key = '';
    let value: Json = null;
    eachField(reader, stop, (part) => {
      if (part === 1) key = reader.string();
      else if (part === 2) value = readValue(reader, reader.uint32() + reader.pos, depth + 1);
      else return false;
      return true;
    });
    Object.defineProperty(result, key, { value, enumerable: true, writable: true, configurable: true });
    return true;
  });
  return result;
}

function readList(reader: BinaryReader, end: number, depth: number): Json[] {
  const result: Json[] = [];
  eachField(reader, end, (id) => {
    if (id !== 1) return false;
    result.push(readValue(reader, reader.uint32() + reader.pos, depth + 1));
    return true;
  });
  return result;
}

function readValue(reader: BinaryReader, end: number, depth: number): Json {
  if (depth > maxJsonDepth) throw new Error(`JSON nests deeper than ${maxJsonDepth} levels`);
  let value: Json = null;
  eachField(reader, end, (id) => {
    if (id === 1) reader.uint32();
    else if (id === 2) value = reader.double();
    else if (id === 3) value = reader.string();
    else if (id === 4) value = reader.bool();
    else if (id === 5) value = readStruct(reader, reader.uint32() + reader.pos, depth + 1);
    else if (id === 6) value = readList(reader, reader.uint32() + reader.pos, depth + 1);
    else return false;
    return true;
  });
  return value;
}
