import { type Command, Option } from 'commander';
import type { CaCertificate, CaReport } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { ageText, table } from './table.ts';

interface Flags {
  readonly api: string;
  readonly output: OutputFormat;
}

/** `weft ca status`. */
export function addCaStatus(ca: Command, io: Io): void {
  ca.command('status')
    .description('who signs, what is trusted, how far a rotation is and whom it waits for')
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (flags: Flags) => {
      process.exitCode = await runCaStatus(flags, io);
    });
}

const HELP = `
A rotation goes on by itself when nobody is missing: distribute (the next root goes out) -> reissue (the next one
signs) -> retire (the root before is withdrawn) -> stable. Exits with 1 where no control plane answers, something is
wrong with the CA's files, or a certificate has used 90 % of its life.

Examples:
  weft ca status
  weft ca status -o json`;

/** Prints the CA. */
export async function runCaStatus({ api, output }: Flags, io: Io): Promise<number> {
  try {
    const report = await askApi<CaReport>(api, '/api/ca');
    const { bundlePem: _, ...facts } = report;
    io.out(output === 'json' ? `${JSON.stringify(facts)}\n` : caText(report));
    const isUrgent = report.warnings.some((text) => /used 90 %|expired/.test(text));
    return report.problems.length > 0 || isUrgent ? exitCodes.notFine : exitCodes.fine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft ca status: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

const ORIGINS = {
  own: 'made by weft',
  folder: 'yours, from a folder',
  secret: 'yours, from the Secret cacerts',
};

/** The report for people. */
export function caText(report: CaReport): string {
  const { trustDomain, trustDomainAliases, origin, roots, signer, leaves, warnings, problems } = report;
  const aliases = trustDomainAliases.length === 0 ? '' : `, once ${trustDomainAliases.join(', ')}`;
  const rows = [
    ['', 'CERTIFICATE', 'FINGERPRINT', 'UNTIL'],
    row('signs', signer),
    ...roots.map((root) => row('is trusted', root)),
  ];
  const [heading = [], ...body] = rows;
  return [
    `The CA of ${trustDomain}${aliases} is ${ORIGINS[origin]}.\n`,
    table(heading, body),
    `${leaves.total} certificates of workloads are out, ${leaves.ofSigner} of this signer.\n`,
    rotationText(report),
    ...warnings.map((text) => `warning: ${text}\n`),
    ...problems.map((text) => `problem: ${text}\n`),
  ].join('');
}

function row(what: string, { subject, fingerprint, notAfterMs }: CaCertificate): readonly string[] {
  return [what, subject, fingerprint.slice(0, 23), new Date(notAfterMs).toISOString().slice(0, 19)];
}

function rotationText({ phase, progress, sinceMs, nowMs }: CaReport): string {
  if (phase === 'stable') return 'No rotation is under way.\n';
  const { done, of, missing } = progress;
  const head = `Rotation: ${phase} for ${ageText(nowMs - sinceMs)}, ${done} of ${of}.`;
  if (missing.length === 0) return `${head}\n`;
  return `${head} Missing:\n${missing.map(({ name, why }) => `  ${name} ${why}\n`).join('')}`;
}
