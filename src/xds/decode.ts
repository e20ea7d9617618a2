/**
 * Protobuf bytes to plain objects: the inverse of encode.ts. Nothing is dropped silently: a field that the tables do
 * not know, and a typed_config of an unknown type, are reported to the caller, which refuses the resource (a NACK).
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Field, Message } from './schema.ts';
import { enumAt, messageAt, messageName, messageNumber } from './schema.ts';
import { toBase64, wellKnown } from './well-known.ts';

/** How deep messages may nest: bounds the work that a hostile control plane can ask for. */
const maxDepth = 100;

/** Called with the path of each field whose number the tables do not know, as `listener.filter_chains.#99`. */
export type ReportUnknown = (path: string) => void;

type Mutable = Record<string, unknown>;

interface Context {
  readonly reader: BinaryReader;
  readonly report: ReportUnknown;
}

/** The object in `bytes`, the message `name` (full proto name). Throws an Error where the bytes are malformed. */
export function decode<T = unknown>(name: string, bytes: Uint8Array, report: ReportUnknown = () => {}): T {
  const number = messageNumber(name);
  if (number < 0) throw new Error(`no message '${name}' is known`);
  return readMessage({ reader: new BinaryReader(bytes), report }, number, bytes.length, '', 0) as T;
}

function readMessage(context: Context, number: number, end: number, path: string, depth: number): unknown {
  if (depth > maxDepth) throw new Error(`messages nest deeper than ${maxDepth} levels`);
  const { reader } = context;
  if (end > reader.len) throw new RangeError('a message ends behind the end of the bytes');
  const name = messageName(number);
  if (name === 'google.protobuf.Any') return readAny(context, end, path, depth);
  const special = wellKnown(name);
  if (special !== undefined) return special.decode(reader, end);
  return readFields(context, messageAt(number), end, {}, path, depth);
}

function readFields(
  context: Context,
  message: Message,
  end: number,
  into: Mutable,
  path: string,
  depth: number,
): Mutable {
  const { reader } = context;
  while (reader.pos < end) {
    const [id, type] = reader.tag();
    const field = message.byId.get(id);
    if (field !== undefined) readField(context, field, type, into, path, depth);
    else {
      reader.skip(type, id);
      context.report(`${path}#${id} of ${message.name}`);
    }
  }
  return into;
}

function readField(
  context: Context,
  field: Field,
  type: WireType,
  into: Mutable,
  path: string,
  depth: number,
): void {
  if (field.kind === 'one') into[field.name] = readOne(context, field, path, depth);
  else if (field.kind === 'map') readEntry(context, field, into, path, depth);
  else {
    const list = (into[field.name] ??= []) as unknown[];
    const packed =
      type === WireType.LengthDelimited && field.message < 0 && field.scalar !== 's' && field.scalar !== 'y';
    if (!packed) list.push(readOne(context, field, path, depth));
    else readPacked(context, field, list, path, depth);
  }
}

function readPacked(context: Context, field: Field, list: unknown[], path: string, depth: number): void {
  const { reader } = context;
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) list.push(readOne(context, field, path, depth));
}

function readEntry(context: Context, field: Field, into: Mutable, path: string, depth: number): void {
  const { reader } = context;
  const end = reader.uint32() + reader.pos;
  let key = field.integerKeys ? '0' : '';
  let value: unknown = field.message >= 0 ? {} : absent[field.scalar];
  while (reader.pos < end) {
    const [id, type] = reader.tag();
    if (id === 1) key = field.integerKeys ? String(reader.uint32()) : reader.string();
    else if (id === 2) value = readOne(context, field, path, depth);
    else reader.skip(type, id);
  }
  const map = (into[field.name] ??= {}) as Mutable;
  // defineProperty: a key `__proto__` from the wire must be data.
  Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
}

const absent: Readonly<Record<string, unknown>> = {
  s: '',
  y: '',
  b: false,
  i: 0,
  u: 0,
  j: 0,
  k: 0,
  d: 0,
  f: 0,
};

function readOne(context: Context, field: Field, path: string, depth: number): unknown {
  const { reader } = context;
  if (field.message >= 0) {
    const end = reader.uint32() + reader.pos;
    return readMessage(context, field.message, end, `${path}${field.name}.`, depth + 1);
  }
  if (field.enumeration >= 0) {
    const number = reader.int32();
    return enumAt(field.enumeration).byNumber.get(number) ?? number;
  }
  return scalarReaders[field.scalar]!(reader);
}

const scalarReaders: Readonly<Record<string, (reader: BinaryReader) => unknown>> = {
  d: (r) => r.double(),
  f: (r) => r.float(),
  i: (r) => r.int32(),
  u: (r) => r.uint32(),
  j: (r) => Number(r.int64()),
  k: (r) => Number(r.uint64()),
  z: (r) => r.sint32(),
  Z: (r) => Number(r.sint64()),
  x: (r) => r.fixed32(),
  X: (r) => Number(r.fixed64()),
  v: (r) => r.sfixed32(),
  V: (r) => Number(r.sfixed64()),
  b: (r) => r.bool(),
  s: (r) => r.string(),
  y: (r) => toBase64(r.bytes()),
};

/** An Any of a known type becomes its fields beside `@type`; another keeps its bytes in `value` and is reported. */
function readAny(context: Context, end: number, path: string, depth: number): Mutable {
  const { reader } = context;
  let url = '';
  let bytes = new Uint8Array(0);
  while (reader.pos < end) {
    const [id, type] = reader.tag();
    if (id === 1) url = reader.string();
    else if (id === 2) bytes = reader.bytes() as Uint8Array<ArrayBuffer>;
    else reader.skip(type, id);
  }
  const name = url.slice(url.lastIndexOf('/') + 1);
  const number = messageNumber(name);
  if (number < 0) {
    context.report(`${path}@type ${url}`);
    return { '@type': url, value: toBase64(bytes) };
  }
  const inner: Context = { reader: new BinaryReader(bytes), report: context.report };
  if (wellKnown(name) !== undefined)
    return { '@type': url, value: readMessage(inner, number, bytes.length, path, depth + 1) };
  return readFields(inner, messageAt(number), bytes.length, { '@type': url }, path, depth + 1);
}
