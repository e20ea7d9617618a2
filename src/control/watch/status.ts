import type { FieldError } from '../../api/finding.ts';
import type { ObjectKey } from '../../api/object.ts';

/**
 * What became of one document that a source delivered.
 * - `ok`: it is valid and live.
 * - `stale`: what is written now cannot be used; the last good version of the object is still live.
 * - `invalid`: what is written cannot be used and there is no earlier version; nothing of it is live.
 */
export interface ObjectStatus {
  /** Missing where the text could not be read far enough to know which object it is. */
  readonly key?: ObjectKey;
  readonly file: string;
  readonly line: number;
  readonly state: 'ok' | 'invalid' | 'stale';
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}
