/**
 * Files as text -> documents. YAML (many documents), JSON, JSON lines; `kind: List` is taken apart. Called by the file
 * source for each file that changed, and by commands that read files once. Never reads a file itself, never throws:
 * text that cannot be read becomes a problem with its line, and whole documents beside it are still delivered.
 */
import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import { isPlainObject } from '../../../api/plain.ts';
import type { ReadProblem, SourceDocument } from '../source.ts';
import { yamlOptions } from './node-lines.ts';
import { textProvenance } from './provenance.ts';

/** What a file holds. */
export interface ParsedText {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly ReadProblem[];
}

/** `file` is the name under which problems and provenance speak of the text. */
export function parseDocuments(text: string, file: string): ParsedText {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return parseJson(body, file) ?? parseJsonLines(body, file) ?? parseYaml(body, file);
}

function parseJson(text: string, file: string): ParsedText | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const line = 1 + countLines(/^\s*/.exec(text)?.[0] ?? '');
    return { documents: documentsOf(value, { file, line, text }), problems: [] };
  } catch {
    return undefined;
  }
}

/** One object per line; a line that is none is a problem. Text is taken for JSON lines when its first line is an object. */
function parseJsonLines(text: string, file: string): ParsedText | undefined {
  const lines = text.split('\n');
  const first = lines.find((line) => line.trim() !== '');
  if (first === undefined || !/^\s*\{.*\}\s*$/.test(first) || readJson(first) === undefined) return undefined;
  const documents: SourceDocument[] = [];
  const problems: ReadProblem[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const value = readJson(line);
    if (value === undefined)
      problems.push({ line: i + 1, message: 'this line is not JSON; write one object per line' });
    else documents.push(...documentsOf(value.json, { file, line: i + 1, text: line }));
  }
  return { documents, problems };
}

function readJson(line: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(line) };
  } catch {
    return undefined;
  }
}

function parseYaml(text: string, file: string): ParsedText {
  const lineCounter = new LineCounter();
  const documents: SourceDocument[] = [];
  const problems: ReadProblem[] = [];
  const parsed = parseAllDocuments(text, { ...yamlOptions, lineCounter });
  for (const document of Array.isArray(parsed) ? (parsed as Document[]) : []) {
    const lineOf = (offset: number): number => lineCounter.linePos(offset).line;
    const error = document.errors[0];
    if (error !== undefined)
      problems.push({ line: lineOf(error.pos[0]), message: yamlMessage(error.message) });
    else readYamlDocument(document, text, file, lineOf, documents, problems);
  }
  return { documents, problems };
}

function readYamlDocument(
  document: Document,
  text: string,
  file: string,
  lineOf: (offset: number) => number,
  documents: SourceDocument[],
  problems: ReadProblem[],
): void {
  const contents = document.contents;
  if (!isNode(contents) || contents.range == null) return;
  const [start, , end] = contents.range;
  // From the beginning of the line, so that columns and with them indentation are kept.
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const whole = text.slice(from, start).trim() === '' ? from : start;
  const line = lineOf(start);
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value !== null) documents.push(...documentsOf(value, { file, line, text: text.slice(whole, end) }));
  } catch (error) {
    problems.push({
      line,
      message: `this document cannot be read: ${error instanceof Error ? error.message : error}`,
    });
  }
}

/** Aliases that repeat each other could make a small text huge. */
const MAX_ALIASES = 100;

interface Place {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** A list of objects (`kind: List`, as kubectl prints it) is its items. */
function documentsOf(value: unknown, place: Place): SourceDocument[] {
  const items = isPlainObject(value) && value['kind'] === 'List' ? value['items'] : undefined;
  if (!Array.isArray(items))
    return [{ value, provenance: textProvenance(place.file, place.line, place.text, []), text: place.text }];
  return items.map((item: unknown, i) => ({
    value: item,
    provenance: textProvenance(place.file, place.line, place.text, ['items', i]),
    text: `${i} ${place.text}`,
  }));
}

/** The sentence without the place (which is said apart) and the excerpt. */
function yamlMessage(message: string): string {
  const sentence = message.split('\n')[0] ?? message;
  if (sentence.includes('stringKeys'))
    return 'this is not YAML that weft reads: a key is not a text; was a template left unfilled?';
  return `this is not YAML: ${sentence.replace(/ at line \d+, column \d+:?$/, '')}`;
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}
