import { type Command, Option } from 'commander';
import type { ObjectAnswer, ObjectReport, StatusReport, Usage, WorkloadStatus } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { objectPath, parseObjectName } from './object-name.ts';
import { isLive, objectText } from './object-text.ts';
import { ageText, bytesText, percent, table } from './table.ts';

export interface StatusOptions {
  /** URL of the control plane's API. */
  readonly api: string;
  readonly output: OutputFormat;
  /** Of the object that is asked about. */
  readonly namespace?: string;
}

/** `weft status`. */
export function addStatusCommand(program: Command, io: Io): void {
  program
    .command('status')
    .description('what runs, whether it is in sync, and what is wrong with the configuration')
    .argument('[object]', 'KIND/NAME or KIND/NAMESPACE/NAME: only this one, and where it is in use')
    .option('-n, --namespace <name>', 'of the object', 'default')
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (object: string | undefined, flags: StatusOptions) => {
      process.exitCode = await (object === undefined
        ? runStatus(flags, io)
        : runObjectStatus(object, flags, io));
    });
}

const HELP = `
Exits with 1 where no control plane answers, a document is not in use, or a proxy is away or refuses something. Of one
object: where it is not in use, as it is written, on every proxy that it concerns. SINCE is the proxy's answer.

Examples:
  weft status
  weft status VirtualService/reviews             where is it in use, and since when?
  weft status -o json | jq '.configuration[] | select(.state != "ok")'`;

/** Prints the state of the mesh; 1 where something is not fine. */
export async function runStatus({ api, output }: StatusOptions, io: Io): Promise<number> {
  try {
    const report = await askApi<StatusReport>(api, '/api/status');
    io.out(output === 'json' ? `${JSON.stringify(report)}\n` : statusText(report));
    return isFine(report) ? exitCodes.fine : exitCodes.notFine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft status: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

/** Prints one object and where it is in use; 1 where it is not in use everywhere. */
export async function runObjectStatus(
  text: string,
  { api, output, namespace = 'default' }: StatusOptions,
  io: Io,
): Promise<number> {
  const name = parseObjectName(text, namespace);
  if (name === undefined) {
    io.err(`weft status: "${text}" is no object; write KIND/NAME, such as VirtualService/reviews\n`);
    return exitCodes.misused;
  }
  try {
    const answer = await askApi<ObjectAnswer>(api, objectPath(name));
    io.out(output === 'json' ? `${JSON.stringify(answer)}\n` : objectText(answer));
    return isLive(answer) ? exitCodes.fine : exitCodes.notFine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft status: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

function isFine({ workloads, proxies, configuration }: StatusReport): boolean {
  return (
    workloads.every(({ proxy }) => proxy !== 'away') &&
    proxies.every(({ state }) => state !== 'rejected') &&
    configuration.every(({ state }) => state === 'ok')
  );
}

/** The report for people. */
export function statusText(report: StatusReport): string {
  const { version, trustDomain, revision, nowMs, startedAtMs } = report;
  const sections = [
    `weft ${version}, trust domain ${trustDomain}, up ${ageText(nowMs - startedAtMs)}, revision ${revision}\n`,
    workloadTable(report.workloads),
    partTable(report),
    configurationText(report.configuration),
    report.problems.map(({ file, line, message }) => `${file}:${line} ${message}\n`).join(''),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function workloadTable(workloads: readonly WorkloadStatus[]): string {
  const rows = workloads.map((one) => [
    one.namespace,
    one.workload,
    one.pod,
    one.ip,
    one.ready ? 'yes' : 'no',
    one.dataPlane,
    one.proxy,
    ...usageCells(one.usage),
    ...usageCells(one.proxyUsage),
  ]);
  const heading = ['NAMESPACE', 'WORKLOAD', 'POD', 'IP', 'READY', 'DATA PLANE', 'PROXY'];
  return table([...heading, 'APP CPU', 'MEMORY', 'PROXY CPU', 'MEMORY'], rows);
}

/** Parts that belong to no workload: the control plane, the agent. */
function partTable({ processes }: StatusReport): string {
  const rows = processes
    .filter(({ kind }) => kind === 'control' || kind === 'agent')
    .map(({ name, state, pid, restarts, usage }) => [
      name,
      state,
      pid === undefined ? '' : String(pid),
      String(restarts),
      ...usageCells(usage),
    ]);
  return table(['PART', 'STATE', 'PID', 'RESTARTS', 'CPU', 'MEMORY'], rows);
}

function usageCells(usage: Usage | undefined): readonly string[] {
  return usage === undefined ? ['', ''] : [percent(usage.cpu), bytesText(usage.memoryBytes)];
}

/** How many documents there are, where they are live, and each that is not fine. */
function configurationText(configuration: readonly ObjectReport[]): string {
  const counts = new Map<string, number>();
  for (const { state } of configuration) counts.set(state, (counts.get(state) ?? 0) + 1);
  const summary = [...counts].map(([state, count]) => `${count} ${state}`).join(', ') || 'none';
  const onTheWay = configuration.filter(({ live }) => live.proxies < live.of);
  const lines = [
    `configuration: ${summary}\n`,
    ...onTheWay.map((one) => `  ${nameOf(one)} is live on ${one.live.proxies} of ${one.live.of} proxies\n`),
    ...configuration.flatMap(troubles),
  ];
  return lines.join('');
}

function troubles(one: ObjectReport): readonly string[] {
  const state = one.state === 'ok' ? '' : `${one.state}: `;
  return [...one.errors, ...one.warnings].map(({ field, message, line }) => {
    const where = field === '' ? '' : `${field}: `;
    return `  ${one.file}:${line} ${nameOf(one)} ${state}${where}${message}\n`;
  });
}

function nameOf({ kind, namespace, name }: ObjectReport): string {
  return kind === '' ? 'document' : `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}
