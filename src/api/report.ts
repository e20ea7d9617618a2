import type { FieldStep } from './field-path.ts';
import { formatFieldPath } from './field-path.ts';
import type { FieldError } from './finding.ts';

/** Collects what is wrong, knowing at which field it stands. */
export interface Report {
  /** The object cannot be used so. `steps` lead from here to the field. */
  error(steps: FieldStep | readonly FieldStep[], message: string): void;
  /** The object can be used, but its author probably meant something else. */
  warn(steps: FieldStep | readonly FieldStep[], message: string): void;
  /** A report that stands at a field below this one and collects into the same lists. */
  at(...steps: readonly FieldStep[]): Report;
}

/** The report of one object, with what it collected. */
export interface ObjectReport extends Report {
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}

/** An empty report at the root of an object. */
export function openReport(): ObjectReport {
  const errors: FieldError[] = [];
  const warnings: FieldError[] = [];
  return { ...reportAt([], errors, warnings), errors, warnings };
}

function reportAt(base: readonly FieldStep[], errors: FieldError[], warnings: FieldError[]): Report {
  const finding = (steps: FieldStep | readonly FieldStep[], message: string): FieldError => ({
    field: formatFieldPath(base.concat(steps)),
    message,
  });
  return {
    error: (steps, message) => void errors.push(finding(steps, message)),
    warn: (steps, message) => void warnings.push(finding(steps, message)),
    at: (...steps) => reportAt([...base, ...steps], errors, warnings),
  };
}
