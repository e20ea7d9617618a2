import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { FieldStep } from '../../../api/field-path.ts';

/** YAML 1.2 with merge keys (`<<`), as Kubernetes' tools read it; a key twice in one object is an error. */
export const yamlOptions = {
  merge: true,
  uniqueKeys: true,
  stringKeys: true,
  prettyErrors: true,
  logLevel: 'error',
} as const;

/** Says in which line of a text (from 0) a field is, or its nearest parent that is written. */
export type LineFinder = (steps: readonly FieldStep[]) => number;

/** Reads the text of one document again, for the lines of its fields. JSON is YAML too. */
export function findLines(text: string): LineFinder {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...yamlOptions, lineCounter });
  return (steps) => {
    const offset = offsetOf(document, steps);
    return lineCounter.linePos(offset).line - 1;
  };
}

function offsetOf(document: Document, steps: readonly FieldStep[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of steps) {
    const found = child(isAlias(node) ? node.resolve(document) : node, step);
    if (found === undefined) break;
    offset = startOf(found.at) ?? offset;
    node = found.value;
  }
  return offset;
}

function child(
  node: unknown,
  step: FieldStep,
): { readonly at: unknown; readonly value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
    return pair === undefined ? undefined : { at: pair.key, value: pair.value };
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { at: item, value: item };
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
