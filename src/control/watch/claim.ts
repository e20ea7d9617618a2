import type { ObjectKey } from '../../api/object.ts';
import { keyText } from '../../api/object.ts';
import type { Provenance, Resource } from '../../api/resources.ts';
import { type Validated, validateObject } from '../../api/validate.ts';
import { deepEqual } from '../../lib/deep-equal.ts';
import type { SourceDocument } from './source.ts';

/** One document of an origin that is an object, or wants to be: its claim to a key, and the last good version. */
export interface Claim {
  readonly key: ObjectKey;
  /** Unique within the origin: the key, and which of several documents with that key it is. */
  readonly id: string;
  readonly provenance: Provenance;
  readonly text: string;
  readonly validated: Validated;
  /** The last version that was valid, with its place. */
  readonly good?: Resource;
  /** Order of first appearance. Of two claims to one key the older one counts. */
  readonly age: number;
  /**
   * Set where it is not in the origin any more, but the origin is in no state to say that it was deleted; with the
   * number of broken documents that there were beside it before.
   */
  readonly orphan?: { readonly suspects: number };
}

/** A document that is no object that could be live: unreadable, or of a kind that weft does not know. */
export interface Stray {
  readonly provenance: Provenance;
  readonly validated: Validated;
}

/** The claim of a document, continuing `before` where that was its claim. */
export function makeClaim(
  document: SourceDocument,
  validated: Validated,
  key: ObjectKey,
  id: string,
  before: Claim | undefined,
  age: number,
): Claim {
  const { provenance, text } = document;
  const good = goodOf(validated, key, provenance, before, age);
  return {
    key,
    id,
    provenance,
    text,
    validated,
    age,
    ...(good === undefined ? {} : { good }),
  };
}

/** Judges a document, or takes the judgement of the same text in the same line. */
export function judge(document: SourceDocument, before: Claim | undefined): Validated {
  const same = before !== undefined && before.orphan === undefined && before.text === document.text;
  return same ? before.validated : validateObject(document.value);
}

/** An unchanged object in an unchanged place stays the same Resource, so that nobody works on it again. */
function goodOf(
  validated: Validated,
  key: ObjectKey,
  provenance: Provenance,
  before: Claim | undefined,
  age: number,
): Resource | undefined {
  if (validated.object === undefined) return before?.good;
  const last = before?.good;
  const object =
    last !== undefined && deepEqual(last.object, validated.object) ? last.object : validated.object;
  const samePlace = before?.validated === validated && last?.provenance.line === provenance.line;
  if (last !== undefined && samePlace && object === last.object) return last;
  return { key, object, provenance, age };
}

/** The ids of documents in one origin: the key, then the key with a count for doubles. */
export function claimId(key: ObjectKey, taken: ReadonlyMap<string, Claim>): string {
  const text = keyText(key);
  let id = text;
  for (let n = 2; taken.has(id); n++) id = `${text} ${n}`;
  return id;
}
