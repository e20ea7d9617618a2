import type { z } from 'zod';
import type { ObjectMeta, SpecObject } from './object.ts';
import type { Report } from './report.ts';
import { anyObject, type Immutable, lenient, message } from './schema.ts';

/** What is known of one kind: how it is named, what it may hold, and what must hold between its fields. */
export interface Kind<T = unknown> {
  /** '' for Kubernetes' core group. */
  readonly group: string;
  readonly kind: string;
  /** All served versions, the preferred one first. They have the same fields. */
  readonly versions: readonly string[];
  /** True for kinds without a namespace. */
  readonly clusterWide: boolean;
  /** The object without apiVersion, kind and metadata. */
  readonly body: z.ZodType;
  /** True where the content lies in `spec`; a spec that is left out is then an empty one. */
  readonly hasSpec: boolean;
  /** Other spellings of fields that the API accepts: `jwks_uri` -> `jwksUri`. Validated objects have the latter. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Judges what types cannot say. Called with a well-typed object. */
  check(object: T, report: Report): void;
}

interface KindNames {
  readonly group: string;
  readonly kind: string;
  readonly versions: readonly string[];
  readonly clusterWide?: boolean;
  readonly aliases?: Readonly<Record<string, string>>;
}

/** Judges a spec, with a report that stands at it; the metadata with a report of its own is for what depends on both. */
type SpecCheck<Spec> = (spec: Spec, report: Report, metadata: ObjectMeta, atMetadata: Report) => void;

/** A kind whose content lies in `spec`; `status` may be anything. */
export function specKind<S extends z.ZodType>(
  names: KindNames,
  spec: S,
  check: SpecCheck<Immutable<z.infer<S>>> = () => {},
): Kind<SpecObject<Immutable<z.infer<S>>>> {
  return {
    ...defaultsOf(names),
    hasSpec: true,
    body: message({ spec }, { status: anyObject }),
    check: (object, report) => check(object.spec, report.at('spec'), object.metadata, report.at('metadata')),
  };
}

/** One of Kubernetes' own kinds: fields that weft does not read are allowed and dropped. */
export function coreKind<S extends z.ZodObject>(
  names: KindNames,
  body: S,
  check: (
    object: Immutable<z.infer<S>> & { readonly metadata: ObjectMeta },
    report: Report,
  ) => void = () => {},
): Kind<CoreObject<Immutable<z.infer<S>>>> {
  return { ...defaultsOf(names), body, check };
}

/** An object of Kubernetes' own kinds: fields of its own beside apiVersion, kind and metadata. */
export type CoreObject<Body> = Body & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
};

/** The body of a kind of which weft reads the metadata only. */
export const metadataOnly = lenient({}, {});

function defaultsOf(names: KindNames) {
  return { clusterWide: false, hasSpec: false, aliases: {}, ...names };
}
