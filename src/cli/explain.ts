import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Call } from '../control/explain/call.ts';
import { callOf, type WrittenCall } from '../control/explain/call-of.ts';
import { type Told, tell } from '../control/explain/explain.ts';
import { UnknownCaller } from '../control/explain/unknown-caller.ts';
import { type InputFile, InputNotFound, readInputs } from '../control/watch/files/read-inputs.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
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
  /** URL of the control plane's API, asked where there are no files. */
  readonly api: string;
}

/** `weft explain`. */
export function addExplainCommand(program: Command, io: Io): void {
  program
    .command('explain')
    .description('where would this request go, and why?')
    .usage("[FILES...] --from WHO --request 'METHOD URL'")
    .argument(
      '[files...]',
      'YAML or JSON files, folders (recursive), or - for standard input; none: the mesh that runs',
    )
    .requiredOption('--from <who>', 'NAMESPACE/WORKLOAD, gateway:NAMESPACE/NAME, or outside')
    .requiredOption('--request <request>', "METHOD URL, such as 'GET http://reviews:9080/'")
    .option('--header <header>', 'NAME: VALUE; may be given several times', gather, [])
    .option('--jwt <file>', 'a token, or its claims as JSON, that is sent along')
    .option('--plaintext', "without TLS and past the caller's proxy", false)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .option('--api <url>', 'of the control plane, for the mesh that runs', DEFAULT_API)
    .addHelpText('after', HELP)
    .action(async (files: string[], flags: ExplainOptions) => {
      process.exitCode = await runExplain(files, flags, io);
    });
}

const HELP = `
WHO calls: a workload, a client at a gateway's door, or a client in no mesh, which comes to a gateway
unless it calls a Service or a Pod by its name or address. Without files the mesh of "weft up" is asked, as it is now.
Exits with 1 where an object is not valid (the others are explained), nobody is called WHO, or no mesh answers.

Examples:
  weft explain examples/bookinfo --from default/productpage-v1 --request 'GET http://reviews:9080/reviews/0'
  weft explain mesh.yaml --from outside --request 'GET http://shop.example.com/cart' --header 'end-user: jason'
  weft explain mesh.yaml --from default/client --request 'tcp://db:5432' -o json
  weft explain --from outside --request 'GET http://localhost:8080/productpage'        the mesh that runs`;

function gather(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Explains one request and prints the answer. */
export async function runExplain(files: readonly string[], options: ExplainOptions, io: Io): Promise<number> {
  try {
    const written = await writtenCall(options, io);
    const call = callOf(written);
    if ('problem' in call) throw new Misused(call.problem);
    if (files.length === 0) return await answerLive(written, options, io);
    return answer(await readInputs(files, io), call, options, io);
  } catch (error) {
    if (error instanceof ApiFailure) {
      io.err(`weft explain: ${error.message}\n`);
      return exitCodes.notFine;
    }
    if (!(error instanceof Misused) && !(error instanceof InputNotFound)) throw error;
    io.err(`weft explain: ${error.message}\n`);
    return exitCodes.misused;
  }
}

class Misused extends Error {
  readonly code = 'MISUSED';
}

/** Asks the mesh that runs. */
async function answerLive(call: WrittenCall, options: ExplainOptions, io: Io): Promise<number> {
  const query = new URLSearchParams({ from: call.from, request: call.request });
  for (const header of call.headers) query.append('header', header);
  if (call.plaintext) query.set('plaintext', 'true');
  if (call.jwt !== undefined) query.set('claims', JSON.stringify(call.jwt));
  print(await askApi<Told>(options.api, `/api/explain?${query}`), options, io);
  return exitCodes.fine;
}

function print(told: Told, options: ExplainOptions, io: Io): void {
  if (options.output === 'json')
    io.out(`${JSON.stringify({ ...told.explanation, findings: told.findings })}\n`);
  else io.out(`${options.request} from ${options.from}\n${explainText(told)}`);
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
  print(told, options, io);
  return valid ? exitCodes.fine : exitCodes.notFine;
}

/** Says what is left out; false where anything is. */
function report(problems: readonly FileProblem[], io: Io): boolean {
  for (const { file, line, field, message } of problems)
    io.err(`${file}:${line}: ${field === '' ? '' : `${field}: `}${message}\n`);
  return problems.length === 0;
}

async function writtenCall(options: ExplainOptions, io: Io): Promise<WrittenCall> {
  const { from, request, header: headers, plaintext } = options;
  const jwt = options.jwt === undefined ? undefined : await claimsOf(options.jwt, io);
  return { from, request, headers, plaintext, ...(jwt && { jwt }) };
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
