import { table } from '../../src/cli/table.ts';
import type { Settings } from './measure.ts';
import type { PeerResult } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';

/** The outcome of a run, as `-o json` prints it. */
export interface Report {
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly kernel: string;
    /** Over the minute before the start and the end: others on the machine show here. */
    readonly loadAverage: readonly [number, number];
    readonly openFilesLimit: number;
  };
  readonly settings: Settings;
  readonly peers: readonly { readonly name: string; readonly version: string; readonly missing?: string }[];
  readonly scenarios: readonly ScenarioReport[];
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly metrics: Scenario['measure']['metrics'];
  readonly results: readonly (PeerResult & { readonly ratioToEnvoy?: number })[];
}

/** Adds each peer's ratio to Envoy in what the scenario is about. */
export function reportOf({ name, title, measure }: Scenario, results: readonly PeerResult[]): ScenarioReport {
  const key = measure.metrics[0]?.key ?? '';
  const envoy = results.find(({ peer }) => peer === 'envoy');
  const base = envoy?.state === 'measured' ? envoy.values[key] : undefined;
  return {
    name,
    title,
    metrics: measure.metrics,
    results: results.map((result) =>
      result.state === 'measured' && base !== undefined && base > 0
        ? { ...result, ratioToEnvoy: (result.values[key] ?? Number.NaN) / base }
        : result,
    ),
  };
}

/** The report for people: a table per scenario. */
export function reportText({ machine, settings, peers, scenarios }: Report): string {
  const [before, after] = machine.loadAverage;
  const who = peers.map((one) => `${one.name} ${one.missing ?? one.version}`).join(', ');
  const head =
    `${who}\n${machine.cpus} x ${machine.model}, Linux ${machine.kernel}; load average ${before.toFixed(1)} before, ` +
    `${after.toFixed(1)} after\n${settings.rounds} rounds of ${settings.seconds} s, medians; latency at ` +
    `${settings.ratePerSecond} requests/s from the time each should have been sent\n`;
  return head + scenarios.map(scenarioText).join('');
}

function scenarioText({ name, title, metrics, results }: ScenarioReport): string {
  const heading = ['', metrics[0]?.title ?? '', 'x Envoy', ...metrics.slice(1).map((one) => one.title)];
  const rows = results.map((result) => {
    if (result.state !== 'measured') return [result.peer, result.state];
    const cells = metrics.map(({ key, digits }) => result.values[key]?.toFixed(digits) ?? '');
    return [result.peer, cells[0] ?? '', result.ratioToEnvoy?.toFixed(2) ?? '', ...cells.slice(1)];
  });
  return `\n${name}: ${title}\n${table(heading, rows)}${results.map(remark).join('')}`;
}

function remark(result: PeerResult): string {
  if (result.state !== 'measured') return `  ${result.peer}: ${result.reason.split('\n').at(-1)}\n`;
  const failed = result.values['failed'] ?? 0;
  return failed > 0 ? `  ${result.peer}: ${failed} requests failed in the middle round\n` : '';
}
