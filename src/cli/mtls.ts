import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MtlsCaller, MtlsPlan, MtlsPortPlan, MtlsWorkloadPlan } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { ageText, table } from './table.ts';

export interface MtlsPlanOptions {
  /** URL of the control plane's API. */
  readonly api: string;
  readonly output: OutputFormat;
  /** How far back counts, in milliseconds. */
  readonly since: number;
  /** For how long a workload must have been observed, in milliseconds. */
  readonly atLeast: number;
}

/** `weft mtls`. */
export function addMtlsCommand(program: Command, io: Io): void {
  const mtls = program.command('mtls').description('mutual TLS: who still calls without it');
  mtls
    .command('plan')
    .description('from observed traffic: which callers still use plain text, and what STRICT would break')
    .argument('<namespace[/workload]>', 'a namespace, or one workload (the name of its Deployment)')
    .addOption(durationOption('--since <duration>', 'what was last seen before that does not count', '1d'))
    .addOption(durationOption('--at-least <duration>', 'observed for less, nothing is called safe', '10m'))
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(
      new Option('-o, --output <format>', 'text or json (yaml: only what is to be applied)')
        .choices(['text', 'json', 'yaml'])
        .default('text'),
    )
    .addHelpText('after', HELP)
    .action(async (subject: string, flags: PlanFlags) => {
      process.exitCode = await runMtlsPlan(subject, flags, io);
    });
}

type PlanFlags = Omit<MtlsPlanOptions, 'output'> & { readonly output: OutputFormat | 'yaml' };

const HELP = `
Every proxy counts who calls without TLS of the mesh where PeerAuthentication takes both (PERMISSIVE). The plan names
these callers, the ports at which nobody did, and the PeerAuthentication to apply. It promises nothing where too little
was seen. Times are those of the reading, which is every 30 seconds and when a plan is made. A caller that has gone into
the mesh since no longer counts.

Exits with 0 where STRICT would break nothing that was seen (or holds already), with 1 where it would, or where
too little was seen to tell.

Examples:
  weft mtls plan default                          the whole namespace
  weft mtls plan default/ratings                  one workload
  weft mtls plan default --since 2h --at-least 1h only what was seen in the last two hours
  weft mtls plan default -o yaml > mesh/strict.yaml
  weft mtls plan default -o json | jq '.workloads[].ports[].callers[] | select(.breaks)'`;

/** Prints the plan; 1 where STRICT is not known to be safe, 2 for a name that is none. */
export async function runMtlsPlan(subject: string, flags: PlanFlags, io: Io): Promise<number> {
  const [namespace = '', workload, ...more] = subject.split('/');
  if (namespace === '' || workload === '' || more.length > 0) {
    io.err(`weft mtls plan: ${subject} is neither NAMESPACE nor NAMESPACE/WORKLOAD\n`);
    return exitCodes.misused;
  }
  try {
    const query = new URLSearchParams({
      namespace,
      ...(workload === undefined ? {} : { workload }),
      lookBackMs: `${flags.since}`,
      atLeastMs: `${flags.atLeast}`,
    });
    const plan = await askApi<MtlsPlan>(flags.api, `/api/mtls-plan?${query}`);
    const yaml = await yamlOf(plan.apply);
    if (flags.output === 'json') io.out(`${JSON.stringify(plan)}\n`);
    else io.out(flags.output === 'yaml' ? yaml : planText(plan, yaml));
    return plan.verdict === 'safe' || plan.verdict === 'strict' ? exitCodes.fine : exitCodes.notFine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft mtls plan: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

async function yamlOf(objects: readonly object[]): Promise<string> {
  const { stringify } = await import('yaml');
  return objects.map((object) => stringify(object)).join('---\n');
}

const SUMMARIES = {
  strict: 'is STRICT already',
  safe: 'can be made STRICT: all that was seen came with mutual TLS',
  breaks: 'cannot be made STRICT as a whole: see who would be refused',
  unknown: 'is not known well enough to be made STRICT',
};

/** The plan for people; `yaml`: what is to be applied. */
export function planText(plan: MtlsPlan, yaml: string): string {
  const { namespace, workload, verdict, nowMs, workloads } = plan;
  const subject = workload === undefined ? `namespace ${namespace}` : `${namespace}/${workload}`;
  const apply = plan.apply.length === 0 ? '' : `\nApply:\n\n${yaml}`;
  const parts = workloads.map((one) => workloadText(one, nowMs));
  return `${subject} ${SUMMARIES[verdict]}\n\n${parts.join('\n')}${apply}`;
}

function workloadText(plan: MtlsWorkloadPlan, nowMs: number): string {
  const { workload, noProxy, verdict, reasons, observedSinceMs, ports } = plan;
  if (noProxy) return `${workload}: no proxy, no PeerAuthentication applies to it\n`;
  const seen =
    observedSinceMs === undefined ? 'not observed' : `observed for ${ageText(nowMs - observedSinceMs)}`;
  const rows = ports.map((port) => portRow(port, nowMs));
  const lines = table(['  PORT', 'MODE', 'MUTUAL TLS', 'LAST', 'PLAIN TEXT', ''], rows);
  const callers = ports.flatMap(({ port, callers }) => callers.map((one) => callerRow(port, one, nowMs)));
  const who = table(['  WITHOUT TLS', 'PORT', 'SEEN', 'LAST', ''], callers);
  const why = reasons.map((reason) => `  ${reason}\n`).join('');
  return `${workload}: ${verdict}, ${seen}\n${lines}${who}${why}`;
}

function portRow({ port, mode, mutual, lastMutualMs, plaintext, verdict }: MtlsPortPlan, nowMs: number) {
  const last = lastMutualMs === undefined ? '-' : `${ageText(nowMs - lastMutualMs)} ago`;
  return [
    `  ${port === 0 ? 'others' : port}`,
    mode.toUpperCase(),
    `${mutual}`,
    last,
    `${plaintext}`,
    verdict,
  ];
}

function callerRow(port: number, caller: MtlsCaller, nowMs: number): string[] {
  const { namespace, workload, address, count, unit, lastSeenMs, breaks, note } = caller;
  const who = workload === '' ? address : `${namespace}/${workload} (${address})`;
  const last = `${ageText(nowMs - lastSeenMs)} ago`;
  return [`  ${who}`, `${port}`, `${count} ${unit}`, last, `${breaks ? 'would be refused' : 'ok'}: ${note}`];
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationOption(flags: string, description: string, absent: string): Option {
  return new Option(flags, description).default(durationMs(absent), absent).argParser(durationMs);
}

function durationMs(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('It takes a duration such as 30s, 10m, 2h or 1d.');
  return Number(digits) * (UNITS[unit] ?? 0);
}
