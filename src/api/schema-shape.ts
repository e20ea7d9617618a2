import type { z } from 'zod';

// Looking into schemas: which fields they have, and what is in them.

interface SchemaParts {
  /** Of an object: its fields. */
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  /** Of a list: its items. */
  readonly element?: z.ZodType;
  /** Of a map: its values. */
  readonly valueType?: z.ZodType;
}

/** The parts of a schema, within what makes it optional or prepares its input. */
export function partsOf(schema: z.ZodType | undefined): SchemaParts {
  let inner = schema as { def?: { innerType?: unknown; out?: unknown } } | undefined;
  for (;;) {
    const next = inner?.def?.innerType ?? inner?.def?.out;
    if (next === undefined) return (inner ?? {}) as SchemaParts;
    inner = next as typeof inner;
  }
}

/** The schema of what is at one step from a value. */
export function schemaAt(schema: z.ZodType | undefined, step: PropertyKey): z.ZodType | undefined {
  const parts = partsOf(schema);
  return parts.shape?.[String(step)] ?? parts.element ?? parts.valueType;
}

/** Names of the fields of an object's schema. */
export function fieldNames(schema: z.ZodType | undefined): readonly string[] {
  return Object.keys(partsOf(schema).shape ?? {});
}
