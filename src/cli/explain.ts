import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Call, parseCaller, parseTarget } from '../control/explain/call.ts';
import { type Told, tell } from '../control/explain/explain.ts';
import { UnknownCaller } from '../control/explain/unknown-caller.ts';
import { type InputFile, InputNotFound, readInputs } from '../control/watch/files/read-inputs.ts';
import { explainText } from './explain-text.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { readClaims } from './jwt-claims.ts';
import { type FileProblem, offlineMesh } from './offline-mesh.ts';

/** Flags of `weft explain`. */
export interface ExplainOptions {
  readonly from: string;
  /** `METHOD URL`; GET where there is only a URL. */
  readonly request: string;
  /** `NAME: VALUE` each. */
  readonly header: readonly string[];
  readonly jwt?: string;
  readonly plaintext: boolean;
  readonly output: OutputFormat;
}

/** `weft explain`. */
export function addExplainCommand(program: Command, io: Io): void {
  program
    .command('explain')
    .description('where would this request go, and why?')
    .usage("FILES... --from WHO --request 'METHOD URL'")
    .argument('[files...]', 'YAML or JSON files, folders (recursive), or - for standard input')
    .requiredOption('--from <who>', 'NAMESPACE/WORKLOAD, gateway:NAMESPACE/NAME, or outside')
    .requiredOption('--request <request>', "METHOD URL, such as 'GET http://reviews:9080/'")
    .option('--header <header>', 'NAME: VALUE; may be given several times', gather, [])
    .option('--jwt <file>', 'a token, or its claims as JSON, that is sent along')
    .option('--plaintext', "without TLS and past the caller's proxy", false)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (files: string[], flags: ExplainOptions) => {
      process.exitCode = await runExplain(files, flags, io);
    });
}

const HELP = `
WHO calls: a workload of the files, a client at a gateway's door, or a client in no mesh, which comes to a gateway
unless it calls a Service or a Pod by its name or address. Exits with 1 where an object is not valid (the others are
explained) or nobody is called WHO.

Examples:
  weft explain examples/bookinfo --from default/productpage-v1 --request 'GET http://reviews:9080/reviews/0'
  weft explain mesh.yaml --from outside --request 'GET http://shop.example.com/cart' --header 'end-user: jason'
  weft explain mesh.yaml --from default/client --request 'tcp://db:5432' -o json`;

function gather(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Explains one request and prints the answer. */
export async function runExplain(files: readonly string[], options: ExplainOptions, io: Io): Promise<number> {
  try {
    const call = await callOf(options, io);
    if (files.length === 0)
      throw new Misused('give the files of the mesh; a mesh that runs cannot be asked yet');
    return answer(await readInputs(files, io), call, options, io);
  } catch (error) {
    if (!(error instanceof Misused) && !(error instanceof InputNotFound)) throw error;
    io.err(`weft explain: ${error.message}\n`);
    return exitCodes.misused;
  }
}

class Misused extends Error {
  readonly code = 'MISUSED';
}

function answer(inputs: readonly InputFile[], call: Call, options: ExplainOptions, io: Io): number {
  const { mesh, problems } = offlineMesh(inputs);
  const valid = report(problems, io);
  let told: Told;
  try {
    told = tell(mesh, call);
  } catch (error) {
    if (!(error instanceof UnknownCaller)) throw error;
    io.err(`weft explain: ${error.message}\n`);
    return exitCodes.notFine;
  }
  if (options.output === 'json') io.out(`${JSON.stringify(told.explanation)}\n`);
  else io.out(`${options.request} from ${options.from}\n${explainText(told)}`);
  return valid ? exitCodes.fine : exitCodes.notFine;
}

/** Says what is left out; false where anything is. */
function report(problems: readonly FileProblem[], io: Io): boolean {
  for (const { file, line, field, message } of problems)
    io.err(`${file}:${line}: ${field === '' ? '' : `${field}: `}${message}\n`);
  return problems.length === 0;
}

async function callOf(options: ExplainOptions, io: Io): Promise<Call> {
  const from = parseCaller(options.from);
  if (from === undefined)
    throw new Misused(
      `--from ${options.from} is nobody; write NAMESPACE/WORKLOAD, gateway:NAMESPACE/NAME or outside`,
    );
  const [, method = 'GET', url = ''] = /^\s*(?:([A-Za-z]+)\s+)?(\S+)\s*$/.exec(options.request) ?? [];
  const target = parseTarget(url);
  if (target === undefined)
    throw new Misused(`--request '${options.request}' is no request; write 'METHOD http://host:port/path'`);
  const headers = options.header.map(headerOf);
  const jwt = options.jwt === undefined ? undefined : await claimsOf(options.jwt, io);
  const { plaintext } = options;
  const call = { from, target, method: method.toUpperCase(), headers, sni: '', plaintext };
  return jwt === undefined ? call : { ...call, jwt };
}

function headerOf(text: string): readonly [string, string] {
  const [, name, value = ''] = /^([^\s:]+)\s*:\s*(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new Misused(`--header '${text}' is no header; write 'NAME: VALUE'`);
  return [name.toLowerCase(), value];
}

async function claimsOf(file: string, io: Io): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(resolve(io.cwd, file), 'utf8');
  } catch {
    throw new Misused(`--jwt: the file ${file} cannot be read`);
  }
  const claims = readClaims(text);
  if (claims === undefined) throw new Misused(`--jwt: ${file} holds neither a token nor claims as JSON`);
  return claims;
}
