import { type Command, Option } from 'commander';
import type { ProxiesReport, ProxyStatus } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { ageText, table } from './table.ts';

export interface ProxiesOptions {
  /** URL of the control plane's API. */
  readonly api: string;
  readonly output: OutputFormat;
}

/** `weft proxies`. */
export function addProxiesCommand(program: Command, io: Io): void {
  program
    .command('proxies')
    .description('the proxies, and whether each uses what it should')
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (flags: ProxiesOptions) => {
      process.exitCode = await runProxies(flags, io);
    });
}

const HELP = `
Each type of resource is shown as its state and how many the proxy holds. LAST PUSH is the time from a change to the
proxy's answer. Exits with 1 where no control plane answers or a proxy refuses something.

Examples:
  weft proxies
  weft proxies -o json`;

/** Prints the proxies; 1 where one refuses something. */
export async function runProxies({ api, output }: ProxiesOptions, io: Io): Promise<number> {
  try {
    const report = await askApi<ProxiesReport>(api, '/api/proxies');
    io.out(output === 'json' ? `${JSON.stringify(report)}\n` : proxiesText(report));
    return report.proxies.some(({ state }) => state === 'rejected') ? exitCodes.notFine : exitCodes.fine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft proxies: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

const types = ['clusters', 'endpoints', 'listeners', 'routes', 'secrets'] as const;

/** The report for people. */
export function proxiesText({ proxies, nowMs }: ProxiesReport): string {
  if (proxies.length === 0) return 'no proxy is connected\n';
  const heading = [
    'PROXY',
    'DATA PLANE',
    'STATE',
    ...types.map((type) => type.toUpperCase()),
    'LAST PUSH',
    'SINCE',
  ];
  const rows = proxies.map((one) => [
    one.name,
    one.userAgent || one.dataPlane,
    one.connected ? one.state : 'away',
    ...types.map((type) => typeCell(one, type)),
    one.lastPushMs === undefined ? '' : `${Math.round(one.lastPushMs)} ms`,
    ageText(nowMs - one.connectedAtMs),
  ]);
  return table(heading, rows) + proxies.flatMap(refusals).join('');
}

function typeCell(proxy: ProxyStatus, type: string): string {
  const found = proxy.types.find((one) => one.type === type);
  if (found === undefined) return '';
  return found.state === 'synced' ? String(found.resources) : `${found.resources} ${found.state}`;
}

function refusals({ name, types: all }: ProxyStatus): readonly string[] {
  return all.flatMap(({ type, nack }) =>
    nack === undefined ? [] : [`${name} refuses ${type} ${nack.resources.join(', ')}: ${nack.message}\n`],
  );
}
