import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import type { Path } from './fields.ts';
import { isMapping } from './fields.ts';
import type { PlatformObject, Problem } from './objects.ts';
import { readObject } from './read-object.ts';

export interface ParsedFile {
  readonly objects: readonly PlatformObject[];
  readonly problems: readonly Problem[];
  /** Whether an object may be missing because of a problem. */
  readonly hidesObjects: boolean;
}

/** Reads all documents of a YAML (or JSON) text, `List` objects included. */
export function parseFile(file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const objects: PlatformObject[] = [];
  const problems: Problem[] = [];
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  for (const document of Array.isArray(documents) ? documents : []) {
    const error = document.errors[0];
    if (error !== undefined) {
      problems.push({ file, line: lines.linePos(error.pos[0]).line, message: firstLine(error.message) });
      continue;
    }
    for (const { value, path } of objectsIn(document)) {
      const read = readObject(value, { file, line: lineOf(document, path, lines) });
      if (read.object !== undefined) objects.push(read.object);
      for (const problem of read.problems) {
        const line = lineOf(document, [...path, ...problem.path], lines);
        problems.push({ file, line, message: problem.message });
      }
    }
  }
  return { objects, problems, hidesObjects: problems.length > 0 };
}

function objectsIn(document: Document): { value: unknown; path: Path }[] {
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (isMapping(value) && value['kind'] === 'List' && Array.isArray(value['items']))
    return value['items'].map((item: unknown, i) => ({ value: item, path: ['items', i] }));
  return [{ value, path: [] }];
}

/** The line of a field, or of its nearest parent that was written. */
function lineOf(document: Document, path: Path, lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
