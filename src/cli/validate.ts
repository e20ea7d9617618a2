import type { Command } from 'commander';
import type { FieldError } from '../api/finding.ts';
import type { EnvoyFilter } from '../api/istio/envoy-filter.ts';
import { isPlainObject } from '../api/plain.ts';
import { type Validated, validateObject } from '../api/validate.ts';
import { readPatch } from '../control/resolve/envoy-filter/patch.ts';
import { type InputFile, InputNotFound, readInputs } from '../control/watch/files/read-inputs.ts';
import type { SourceDocument } from '../control/watch/source.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';

/** Flags of `weft validate`. */
export interface ValidateOptions {
  readonly output: OutputFormat;
}

/** The verdict on one document. */
export interface ValidateResult {
  /** Place among all documents, from 0. */
  readonly index: number;
  readonly file: string;
  /** First line of the document; of text that cannot be read, the line of the mistake. */
  readonly line: number;
  /** '' where the text could not be read far enough. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly valid: boolean;
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}

interface JudgedDocument {
  readonly result: ValidateResult;
  lineOf(field: string): number;
}

/** `weft validate FILES`: is each object well-formed and meaningful by itself? */
export function addValidateCommand(program: Command, io: Io): void {
  program
    .command('validate')
    .description('is each object well-formed and meaningful by itself?')
    .argument('<files...>', 'YAML or JSON files, folders (recursive), or - for standard input')
    .option('-o, --output <format>', 'text or json', 'text')
    .addHelpText('after', HELP)
    .action(async (files: string[], flags: { output: string }) => {
      process.exitCode = await runValidate(files, { output: flags.output === 'json' ? 'json' : 'text' }, io);
    });
}

const HELP = `
Examples:
  weft validate manifests/ gateway.yaml
  kubectl get virtualservice -A -o yaml | weft validate -
  weft validate mesh.yaml -o json`;

/** Runs the command; exit code 0 where all documents are valid, 1 where one is not, 2 where a path leads to nothing. */
export async function runValidate(
  files: readonly string[],
  options: ValidateOptions,
  io: Io,
): Promise<number> {
  let inputs: InputFile[];
  try {
    inputs = await readInputs(files, io);
  } catch (error) {
    if (!(error instanceof InputNotFound)) throw error;
    io.err(`weft validate: ${error.message}\n`);
    return exitCodes.misused;
  }
  const judged = judgeInputs(inputs);
  if (options.output === 'json')
    io.out(`${JSON.stringify({ results: judged.map(({ result }) => result) })}\n`);
  else io.out(judged.map(textOf).join('') + summaryOf(judged));
  return judged.every(({ result }) => result.valid) ? exitCodes.fine : exitCodes.notFine;
}

/** One verdict per document, in order of input; text that cannot be read is a verdict of its own. */
function judgeInputs(inputs: readonly InputFile[]): JudgedDocument[] {
  const judged: JudgedDocument[] = [];
  for (const { file, documents, problems } of inputs) {
    const found = [
      ...documents.map((document) => ({
        line: document.provenance.line,
        judge: (i: number) => judge(document, i),
      })),
      ...problems.map(({ line, message }) => ({
        line,
        judge: (i: number) => unreadable(file, line, message, i),
      })),
    ];
    for (const document of found.sort((a, b) => a.line - b.line)) judged.push(document.judge(judged.length));
  }
  return judged;
}

function judge({ value, provenance }: SourceDocument, index: number): JudgedDocument {
  const judged = validateObject(value);
  const { key } = judged;
  const { errors, warnings } = isEnvoyFilter(judged) ? withPatches(judged, judged.object) : judged;
  const valid = errors.length === 0;
  const { file, line } = provenance;
  const names =
    key === undefined ? namesOf(value) : { kind: key.kind, namespace: key.namespace, name: key.name };
  return {
    result: { index, file, line, ...names, valid, errors, warnings },
    lineOf: (field) => provenance.lineOf(field),
  };
}

function isEnvoyFilter(judged: Validated): judged is Validated & { readonly object: EnvoyFilter } {
  return judged.key?.kind === 'EnvoyFilter' && judged.object !== undefined;
}

/** What is wrong in the pieces of Envoy's configuration, too: they are read when proxies get them. */
function withPatches(
  { errors, warnings }: Validated,
  { spec }: EnvoyFilter,
): Pick<Validated, 'errors' | 'warnings'> {
  const found = (spec.configPatches ?? []).flatMap((written, i) => {
    const field = `spec.configPatches[${i}]`;
    const { problems } = readPatch(written, {
      group: '',
      kind: 'EnvoyFilter',
      namespace: '',
      name: '',
      field,
    });
    return problems.map((problem) => ({ ...problem, field: `${field}${problem.field}` }));
  });
  const told = (wrong: boolean) =>
    found
      .filter((problem) => (problem.wrong === true) === wrong)
      .map(({ field, message }) => ({ field, message }));
  return { errors: [...errors, ...told(true)], warnings: [...warnings, ...told(false)] };
}

function unreadable(file: string, line: number, message: string, index: number): JudgedDocument {
  const names = { kind: '', namespace: '', name: '' };
  return {
    result: { index, file, line, ...names, valid: false, errors: [{ field: '', message }], warnings: [] },
    lineOf: () => line,
  };
}

/** What can be told of an object that has no full name. */
function namesOf(value: unknown): Pick<ValidateResult, 'kind' | 'namespace' | 'name'> {
  const fields = isPlainObject(value) ? value : {};
  const metadata = isPlainObject(fields['metadata']) ? fields['metadata'] : {};
  const text = (word: unknown): string => (typeof word === 'string' ? word : '');
  return { kind: text(fields['kind']), namespace: text(metadata['namespace']), name: text(metadata['name']) };
}

/** `file:line: kind namespace/name: field: message`, a line per finding; warnings are marked so. */
function textOf({ result, lineOf }: JudgedDocument): string {
  const { file, kind, namespace, name } = result;
  const object = [kind, namespace === '' ? name : `${namespace}/${name}`]
    .filter((word) => word !== '')
    .join(' ');
  const lines = [
    ...result.errors.map((finding) => ({ ...finding, mark: '' })),
    ...result.warnings.map((finding) => ({ ...finding, mark: 'warning: ' })),
  ].map(({ field, message, mark }) => {
    const parts = [`${file}:${lineOf(field)}`, object, field].filter((part) => part !== '');
    return `${parts.join(': ')}: ${mark}${message}\n`;
  });
  return lines.join('');
}

function summaryOf(judged: readonly JudgedDocument[]): string {
  const invalid = judged.filter(({ result }) => !result.valid).length;
  const count = `${judged.length} ${judged.length === 1 ? 'object' : 'objects'}`;
  return invalid === 0 ? `${count}, all valid\n` : `${count}, ${invalid} not valid\n`;
}
