/**
 * Reads what people write (a bootstrap in YAML or JSON, a resource in a file) as the message it stands for: fields by
 * proto name or lowerCamelCase, enum values by name or number, scalars of the right type. Every mistake is reported
 * with its path; the result is in the one shape the rest of weft knows (see codec).
 */
import type { Field } from './schema.ts';
import { enumAt, enumName, messageAt, messageName, messageNumber } from './schema.ts';
import { wellKnown } from './well-known.ts';

/** A mistake: `static_resources.clusters[0].nmae` and a sentence. */
export interface JsonProblem {
  readonly path: string;
  readonly message: string;
}

/** The object in `value` as the message `name`, and all mistakes found (the object is usable only without any). */
export function fromJson<T>(
  name: string,
  value: unknown,
): { readonly value: T; readonly problems: readonly JsonProblem[] } {
  const number = messageNumber(name);
  if (number < 0) throw new Error(`no message '${name}' is known`);
  const problems: JsonProblem[] = [];
  const result = readMessage(number, value, '', problems);
  return { value: result as T, problems };
}

function readMessage(number: number, value: unknown, path: string, problems: JsonProblem[]): unknown {
  const name = messageName(number);
  if (name === 'google.protobuf.Any') return readAny(value, path, problems);
  if (wellKnown(name) !== undefined) return readWellKnown(name, value, path, problems);
  return readFields(number, value, path, problems, {});
}

function readFields(
  number: number,
  value: unknown,
  path: string,
  problems: JsonProblem[],
  into: Record<string, unknown>,
): unknown {
  if (!isObject(value)) return report(problems, path, `takes an object, not ${describe(value)}`);
  const message = messageAt(number);
  for (const [key, item] of Object.entries(value)) {
    if (key === '@type') continue;
    const field = message.byName.get(key) ?? message.byName.get(snakeCase(key));
    const at = path === '' ? key : `${path}.${key}`;
    if (field === undefined) report(problems, at, `${message.name} has no field '${key}'`);
    else if (item !== null) into[field.name] = readField(field, item, at, problems);
  }
  return into;
}

function readField(field: Field, value: unknown, path: string, problems: JsonProblem[]): unknown {
  if (field.kind === 'one') return readOne(field, value, path, problems);
  if (field.kind === 'repeated') {
    // Protobuf's own reader, and so Envoy, takes a message alone for a list of one.
    if (isObject(value)) return [readOne(field, value, `${path}[0]`, problems)];
    if (!Array.isArray(value)) return report(problems, path, `takes a list, not ${describe(value)}`);
    return value.map((item, i) => readOne(field, item, `${path}[${i}]`, problems));
  }
  if (!isObject(value)) return report(problems, path, `takes an object, not ${describe(value)}`);
  const entries = Object.entries(value).map(
    ([k, v]) => [k, readOne(field, v, `${path}[${k}]`, problems)] as const,
  );
  return Object.fromEntries(entries);
}

function readOne(field: Field, value: unknown, path: string, problems: JsonProblem[]): unknown {
  if (field.message >= 0) return readMessage(field.message, value, path, problems);
  if (field.enumeration >= 0) return readEnum(field.enumeration, value, path, problems);
  if (field.scalar === 's') return typeof value === 'string' ? value : readLooseString(value, path, problems);
  if (field.scalar === 'y')
    return typeof value === 'string' ? value : report(problems, path, 'takes base64 text');
  if (field.scalar === 'b')
    return typeof value === 'boolean'
      ? value
      : report(problems, path, `takes true or false, not ${describe(value)}`);
  return readNumber(value, path, problems);
}

/** YAML reads an unquoted `8080` or `true` as what it looks like; where text is meant, it is text. */
function readLooseString(value: unknown, path: string, problems: JsonProblem[]): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return report(problems, path, `takes text, not ${describe(value)}`);
}

function readNumber(value: unknown, path: string, problems: JsonProblem[]): unknown {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && !Number.isNaN(number)) return number;
  return report(problems, path, `takes a number, not ${describe(value)}`);
}

function readEnum(index: number, value: unknown, path: string, problems: JsonProblem[]): unknown {
  const values = enumAt(index);
  if (typeof value === 'number') return values.byNumber.get(value) ?? value;
  if (typeof value === 'string' && values.byName.has(value)) return value;
  return report(
    problems,
    path,
    `${describe(value)} is not a value of ${enumName(index)}: ${[...values.byName.keys()].join(', ')}`,
  );
}

function readAny(value: unknown, path: string, problems: JsonProblem[]): unknown {
  if (!isObject(value)) return report(problems, path, `takes an object, not ${describe(value)}`);
  const url = value['@type'];
  if (typeof url !== 'string') return report(problems, path, "has no '@type'");
  const name = url.slice(url.lastIndexOf('/') + 1);
  const number = messageNumber(name);
  if (number < 0) return report(problems, `${path}.@type`, `no message '${name}' is known`);
  if (wellKnown(name) === undefined) return readFields(number, value, path, problems, { '@type': url });
  return { '@type': url, value: readWellKnown(name, value['value'], `${path}.value`, problems) };
}

function readWellKnown(name: string, value: unknown, path: string, problems: JsonProblem[]): unknown {
  const short = name.slice('google.protobuf.'.length);
  if (short === 'Duration') {
    const valid = typeof value === 'string' && /^-?\d{1,12}(\.\d{1,9})?s$/.test(value);
    return valid ? value : report(problems, path, `takes a duration such as '1.5s', not ${describe(value)}`);
  }
  if (short === 'BoolValue')
    return typeof value === 'boolean' ? value : report(problems, path, 'takes true or false');
  if (short === 'StringValue' || short === 'BytesValue') return readLooseText(value, path, problems);
  if (short.endsWith('Value') && short !== 'Value' && short !== 'ListValue')
    return readNumber(value, path, problems);
  return value;
}

function readLooseText(value: unknown, path: string, problems: JsonProblem[]): unknown {
  return typeof value === 'string' ? value : readLooseString(value, path, problems);
}

function report(problems: JsonProblem[], path: string, message: string): undefined {
  problems.push({ path, message });
  return undefined;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return value === null || typeof value === 'object' ? 'an object' : JSON.stringify(value);
}
