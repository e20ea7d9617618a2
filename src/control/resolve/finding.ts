import type { FieldError } from '../../api/finding.ts';
import type { Origin } from '../../mesh/origin.ts';

/** Something odd between objects that are each valid, at a field of one of them. */
export interface Finding extends FieldError {
  readonly origin: Origin;
}

/** What became of one object: its part of the model, unless it cannot have one, and what to tell its author. */
export interface Resolved<T> {
  readonly value: T | undefined;
  readonly findings: readonly Finding[];
}
