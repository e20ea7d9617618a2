import type protobuf from 'protobufjs';

/** Messages whose JSON form is not an object of their fields; the codec knows each by name. */
const wellKnown: Readonly<Record<string, string>> = {
  Any: 'AnyMessage',
  Duration: 'string',
  Timestamp: 'string',
  Struct: '{ readonly [key: string]: Json }',
  Value: 'Json',
  ListValue: 'readonly Json[]',
  FieldMask: 'string',
  DoubleValue: 'number',
  FloatValue: 'number',
  Int64Value: 'number',
  UInt64Value: 'number',
  Int32Value: 'number',
  UInt32Value: 'number',
  BoolValue: 'boolean',
  StringValue: 'string',
  BytesValue: 'string',
};

const scalars: Readonly<Record<string, readonly [code: string, ts: string]>> = {
  double: ['d', 'number'],
  float: ['f', 'number'],
  int32: ['i', 'number'],
  uint32: ['u', 'number'],
  int64: ['j', 'number'],
  uint64: ['k', 'number'],
  sint32: ['z', 'number'],
  sint64: ['Z', 'number'],
  fixed32: ['x', 'number'],
  fixed64: ['X', 'number'],
  sfixed32: ['v', 'number'],
  sfixed64: ['V', 'number'],
  bool: ['b', 'boolean'],
  string: ['s', 'string'],
  bytes: ['y', 'string'],
};

/** The TypeScript type of a well-known message, by its full name with the leading dot. */
function wellKnownType(fullName: string): string | undefined {
  return fullName.startsWith('.google.protobuf.') ? wellKnown[fullName.slice(17)] : undefined;
}

export function isWellKnown(fullName: string): boolean {
  return wellKnownType(fullName) !== undefined;
}

export function scalarCode(type: string): string {
  const scalar = scalars[type];
  if (scalar === undefined) throw new Error(`no code for the field type ${type}`);
  return scalar[0];
}

/** `.envoy.config.cluster.v3.Cluster` is `config_cluster_v3_Cluster`. */
export function typeName(item: protobuf.ReflectionObject): string {
  return item.fullName.replace(/^\.(envoy\.)?/, '').replaceAll('.', '_');
}

/** The TypeScript type of a field: scalars, unions, interfaces, arrays and records of them. */
export function tsType(field: protobuf.Field): string {
  const item = field.resolvedType;
  const value = item === null ? scalars[field.type]![1] : (wellKnownType(item.fullName) ?? typeName(item));
  if (field.map) return `{ readonly [key: string]: ${value} }`;
  return field.repeated ? `readonly ${value.includes(' ') ? `(${value})` : value}[]` : value;
}
