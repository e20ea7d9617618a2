import { type Command, Option } from 'commander';
import type { DenialReport, DenialsReport, DeniedValue } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { ageText, table } from './table.ts';

export interface WhyOptions {
  /** URL of the control plane's API. */
  readonly api: string;
  readonly output: OutputFormat;
}

/** `weft why`. */
export function addWhyCommand(program: Command, io: Io): void {
  program
    .command('why')
    .description('which policy denied a request or a connection, and by which value')
    .argument('[id]', 'x-request-id of the denied answer; without it the last denials are listed')
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (id: string | undefined, flags: WhyOptions) => {
      process.exitCode = await runWhy(id, flags, io);
    });
}

const HELP = `
Whoever is denied gets the reference as header x-request-id, and nothing of the policy. A denied connection is named by
its id in access logs (%STREAM_ID%). The beginning of a reference is enough. Denials by policies that only observe are
among them: "would deny"; the list ends in whom they would have kept out, and how often. Exits with 1 where nothing was denied under that reference.

Examples:
  curl -i http://ratings:9080/               HTTP/1.1 403 ... x-request-id: 7e1d6a52-...
  weft why 7e1d6a52-20f1-4c1b-9d0c-0d5f4c1f3f11
  weft why                                   the last denials
  weft why -o json | jq '.denials[].policy'`;

/** Prints why; 1 where nobody was denied so. */
export async function runWhy(id: string | undefined, { api, output }: WhyOptions, io: Io): Promise<number> {
  try {
    const query = id === undefined ? '' : `?${new URLSearchParams({ id })}`;
    const report = await askApi<DenialsReport>(api, `/api/denials${query}`);
    io.out(output === 'json' ? `${JSON.stringify(report)}\n` : whyText(id, report));
    return id === undefined || report.denials.length > 0 ? exitCodes.fine : exitCodes.notFine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft why: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

/** The report for people. */
export function whyText(id: string | undefined, report: DenialsReport): string {
  const { denials, nowMs, kept, dropped } = report;
  const unseen = dropped === 0 ? '' : `; ${dropped} more came too fast to be looked at`;
  if (denials.length > 0) return id === undefined ? listText(report) : whole(denials, nowMs);
  if (id === undefined) return `nothing was denied${unseen}\n`;
  return `nothing was denied under the reference ${id} (of ${kept} denials that are remembered${unseen})\n`;
}

function listText({ denials, nowMs, dropped, observed }: DenialsReport): string {
  const rows = denials.map((one) => [
    one.id,
    ageText(nowMs - one.atMs),
    one.workload,
    one.caller.principal === '' ? one.caller.address : one.caller.principal,
    one.request === undefined ? `port ${one.port}` : `${one.request.method} ${one.request.path}`,
    `${answerText(one)}: ${one.nearest || policyText(one) === '' ? one.why : policyText(one)}`,
  ]);
  const unseen = dropped === 0 ? '' : `${dropped} more came too fast to be looked at\n`;
  const list = table(['REFERENCE', 'AGE', 'WORKLOAD', 'CALLER', 'CALL', 'VERDICT'], rows) + unseen;
  return observed.length === 0 ? list : `${list}\n${observedText(observed, nowMs)}`;
}

/** Whom policies that only observe would have kept out. */
function observedText(observed: DenialsReport['observed'], nowMs: number): string {
  const rows = observed.map(({ policy, caller, workload, count, lastAtMs }) => [
    `${policy.kind} ${policy.namespace}/${policy.name}`,
    String(count),
    caller,
    workload,
    ageText(nowMs - lastAtMs),
  ]);
  return table(['OBSERVING POLICY', 'WOULD DENY', 'CALLER', 'WORKLOAD', 'LAST'], rows);
}

function whole(denials: readonly DenialReport[], nowMs: number): string {
  return denials.map((one) => denialText(one, nowMs)).join('\n');
}

function denialText(one: DenialReport, nowMs: number): string {
  const { caller, request, values, policy, nearest } = one;
  const who = caller.principal === '' ? `${caller.address}, without a certificate` : caller.principal;
  const what =
    request === undefined
      ? `a connection to port ${one.port}`
      : `${request.method} ${request.host}${request.path}`;
  const place = policy && policy.file !== '' ? ` (${policy.file}:${policy.line})` : '';
  const lines = [
    `${answerText(one)}: ${what}`,
    `  at      ${one.workload} (${one.proxy}), ${ageText(nowMs - one.atMs)} ago`,
    `  from    ${who}${caller.principal === '' ? '' : ` at ${caller.address}`}`,
    `  why     ${one.why}`,
    ...(policy === undefined ? [] : [`  ${nearest ? 'nearest' : 'policy '} ${policyText(one)}${place}`]),
    ...values.map((value) => `    ${valueText(value, one)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function answerText({ verdict, status, protocol }: DenialReport): string {
  if (verdict === 'would-deny') return 'would deny';
  return protocol === 'tcp' ? 'denied, connection closed' : `denied with ${status}`;
}

function policyText({ policy }: DenialReport): string {
  if (policy === undefined) return '';
  const { kind, namespace, name, rule } = policy;
  return `${kind} ${namespace}/${name}${rule < 0 ? '' : ` rule ${rule}`}`;
}

function valueText({ attribute, wanted, unwanted, was, failed }: DeniedValue, one: DenialReport): string {
  const asks = [
    ...(wanted.length === 0 ? [] : [wanted.join(' or ')]),
    ...(unwanted.length === 0 ? [] : [`not ${unwanted.join(' or ')}`]),
  ].join(', ');
  // Of a rule that denies what holds is the reason; of one that allows, what does not.
  const mark = failed === one.nearest ? '!' : ' ';
  return `${mark} ${attribute}: wanted ${asks}, was ${was}`;
}
