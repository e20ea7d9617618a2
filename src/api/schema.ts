import { z } from 'zod';

// The few shapes that all kinds are written in. A message is strict: a field that is not in its list is an error.
// Fields of Kubernetes' own kinds are `lenient`: fields that weft does not read are allowed and left out.
// Nulls never reach a schema: they are dropped before (validate.ts), as Kubernetes does.

/** Deeply readonly: what a schema infers, as the rest of weft sees it. */
export type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T;

/** The type of what a schema accepts, readonly. */
export type Infer<S extends z.ZodType> = Immutable<z.infer<S>>;

type Shape = Readonly<Record<string, z.ZodType>>;
type Optional<S extends Shape> = { [K in keyof S]: z.ZodExactOptional<S[K]> };

/** An object with required fields and optional ones, and no others. */
export function message<R extends Shape, O extends Shape>(
  required: R,
  optional: O,
): z.ZodObject<R & Optional<O>, z.core.$strict> {
  return z.strictObject({ ...required, ...allOptional(optional) }) as never;
}

/** An object with required fields and optional ones; other fields are allowed and dropped. */
export function lenient<R extends Shape, O extends Shape>(
  required: R,
  optional: O,
): z.ZodObject<R & Optional<O>, z.core.$strip> {
  return z.object({ ...required, ...allOptional(optional) }) as never;
}

function allOptional<S extends Shape>(shape: S): Optional<S> {
  const entries = Object.entries(shape).map(([name, schema]) => [name, z.exactOptional(schema)]);
  return Object.fromEntries(entries) as Optional<S>;
}

export const text = z.string();
export const bool = z.boolean();
export const double = z.number();
/** protobuf int32. */
export const int32 = z.int32();
/** protobuf uint32. */
export const uint32 = z.uint32();
/** protobuf uint64, as far as JSON's numbers carry it. Its JSON form is a text of digits (protobuf.dev, ProtoJSON Format). */
export const uint64 = z.preprocess(
  (value) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
  z.int().nonnegative(),
);
/** A Go duration such as `1h`, `1.5s` or `250ms`; its syntax and range are checked with the object (check/duration.ts). */
export const duration = z.string();
/** An object of any content: EnvoyFilter's patches, a plugin's own configuration. */
export const anyObject = z.record(z.string(), z.unknown());
/** A port by number or by name, as Kubernetes' targetPort and probes have it. */
export const intOrText = z.union([z.int(), z.string()]);

/** Any number of items, in order. */
export function list<S extends z.ZodType>(item: S): z.ZodArray<S> {
  return z.array(item);
}

/** Like {@link mapOf}, where a value that was left empty is an object without fields. */
export function mapOrEmpty<S extends z.ZodObject>(value: S) {
  return z.record(
    z.string(),
    z.preprocess((entry) => entry ?? {}, value),
  );
}

/** Like {@link list}, where an entry that was left empty (`-` and nothing) is an object without fields. */
export function listOrEmpty<S extends z.ZodObject>(item: S) {
  return z.array(z.preprocess((entry) => entry ?? {}, item));
}

/** Free keys, values of one type. */
export function mapOf<S extends z.ZodType>(value: S): z.ZodRecord<z.ZodString, S> {
  return z.record(z.string(), value);
}

/** One of these words. */
export function oneOf<const W extends readonly [string, ...string[]]>(...words: W) {
  return z.enum(words);
}

export const textMap = mapOf(text);
export const texts = list(text);
