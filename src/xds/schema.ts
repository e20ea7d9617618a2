/**
 * The tables of src/xds/gen/schema.ts as objects, each message parsed when it is first needed: a proxy that reads
 * forty messages pays for forty of seven hundred.
 */
import { enumNames, enumValues, fields, names } from './gen/schema.ts';

/** A field: its number, proto name, and what its value is. */
export interface Field {
  readonly id: number;
  readonly name: string;
  readonly kind: 'one' | 'repeated' | 'map';
  /** A scalar's letter (`scripts/generate/names.ts`), or the message or enum. */
  readonly scalar: string;
  readonly message: number;
  readonly enumeration: number;
  /** Maps only: keys are integers on the wire. */
  readonly integerKeys: boolean;
}

/** A message: its full proto name and its fields by number and by name. */
export interface Message {
  readonly name: string;
  readonly byId: ReadonlyMap<number, Field>;
  readonly byName: ReadonlyMap<string, Field>;
}

/** An enum's names by number and back. */
export interface Enumeration {
  readonly byNumber: ReadonlyMap<number, string>;
  readonly byName: ReadonlyMap<string, number>;
}

const messageIndex = new Map(names.map((name, i) => [name, i]));
const messages: (Message | undefined)[] = [];
const enumerations: (Enumeration | undefined)[] = [];

/** The index of a message by full name (`envoy.config.cluster.v3.Cluster`), or -1 where weft has no table of it. */
export function messageNumber(name: string): number {
  return messageIndex.get(name) ?? -1;
}

export function messageName(index: number): string {
  return names[index]!;
}

export function messageAt(index: number): Message {
  return (messages[index] ??= parseMessage(names[index]!, fields[index]!));
}

export function enumAt(index: number): Enumeration {
  return (enumerations[index] ??= parseEnum(enumValues[index]!));
}

/** The full name of an enum, for error sentences. */
export function enumName(index: number): string {
  return enumNames[index]!;
}

function parseMessage(name: string, text: string): Message {
  const list = text === '' ? [] : text.split(';').map(parseField);
  return {
    name,
    byId: new Map(list.map((f) => [f.id, f])),
    byName: new Map(list.map((f) => [f.name, f])),
  };
}

function parseField(text: string): Field {
  const [id, name, code] = text.split(' ') as [string, string, string];
  const mark = code[0];
  const kind = mark === '*' ? 'repeated' : mark === '^' || mark === '#' ? 'map' : 'one';
  const value = kind === 'one' ? code : code.slice(1);
  const index = value.length > 1 ? Number(value.slice(1)) : -1;
  return {
    id: Number(id),
    name,
    kind,
    scalar: index < 0 ? value : value[0]!,
    message: value[0] === 'm' ? index : -1,
    enumeration: index >= 0 && value[0] === 'e' ? index : -1,
    integerKeys: mark === '#',
  };
}

function parseEnum(text: string): Enumeration {
  const pairs = text.split(';').map((pair): [number, string] => {
    const [number, name] = pair.split(' ') as [string, string];
    return [Number(number), name];
  });
  return {
    byNumber: new Map(pairs.toReversed()),
    byName: new Map(pairs.map(([number, name]) => [name, number])),
  };
}
