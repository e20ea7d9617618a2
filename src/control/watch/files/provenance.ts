import { type FieldStep, parseFieldPath } from '../../../api/field-path.ts';
import type { Provenance } from '../../../api/resources.ts';
import { findLines, type LineFinder } from './node-lines.ts';

/** Documents whose fields were asked for lately are kept parsed; oldest out. */
const MAX_PARSED = 64;
const parsed = new Map<string, LineFinder>();

/**
 * The place of an object in a text: `line` is the text's first line in the file, `base` leads from the text to the
 * object. Lines of fields are found by reading the text again, which is done only when somebody asks.
 */
export function textProvenance(
  file: string,
  line: number,
  text: string,
  base: readonly FieldStep[],
): Provenance {
  const lineOf = (field: string): number => {
    const first = leadingLines(text);
    return line - first + finderOf(text)([...base, ...parseFieldPath(field)]);
  };
  return base.length === 0
    ? { file, line, lineOf }
    : {
        file,
        lineOf,
        get line() {
          return lineOf('');
        },
      };
}

/** A place without text: objects of an API server, or made by a program. */
export function plainProvenance(file: string): Provenance {
  return { file, line: 0, lineOf: () => 0 };
}

function leadingLines(text: string): number {
  return (/^\s*/.exec(text)?.[0] ?? '').split('\n').length - 1;
}

function finderOf(text: string): LineFinder {
  const known = parsed.get(text);
  const finder = known ?? findLines(text);
  parsed.delete(text);
  parsed.set(text, finder);
  const oldest = parsed.size > MAX_PARSED ? parsed.keys().next().value : undefined;
  if (oldest !== undefined) parsed.delete(oldest);
  return finder;
}
