/**
 * weft's proxy beside its peers: Envoy, HAProxy and nginx, whichever this machine has.
 *
 *     npm run bench -- [--rounds 3] [--seconds 3] [--only NAME,...] [--peers NAME,...] [--rate 1000] [-o json]
 *         [--connections 64] [--idle 10000] [--weft FILE] [--profile FOLDER]
 *
 * What comes in: flags, dist/proxy.js, installed peers. What goes out: a table or JSON on standard output, progress on
 * standard error. Per scenario, all peers run at once and take turns under load (A B C D A B C D ...), so that what
 * else the machine does hits all alike; CPU is that of the proxy's process alone, from /proc, and with connections and
 * handshakes already made. scenario.ts says what is measured, measure-*.ts how. The load comes from this process and
 * goes to 127.0.0.1 only; the upstream is a child. Nothing stays behind: children die with this process.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCertificates } from './certificate-files.ts';
import { type Options, readOptions, WrongFlag } from './options.ts';
import { findPeers } from './peers.ts';
import { openFilesLimit } from './process-usage.ts';
import { type Report, reportOf, reportText, type ScenarioReport } from './report.ts';
import { runScenario } from './run-scenario.ts';
import { SCENARIOS } from './scenario.ts';

async function main(options: Options): Promise<void> {
  const { found, missing } = findPeers(options.peers, process.env, options.weft);
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const files = await writeCertificates(folder);
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const loadBefore = loadavg()[0] ?? 0;
  const scenarios: ScenarioReport[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => options.only.includes(name))) {
    const results = await runScenario(scenario, [...found, ...(scenario.also ?? [])], options.settings, {
      folder,
      files,
      progress,
    });
    scenarios.push(reportOf(scenario, results));
  }
  const report: Report = {
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? '',
      kernel: release(),
      loadAverage: [loadBefore, loadavg()[0] ?? 0],
      openFilesLimit: openFilesLimit(),
    },
    settings: options.settings,
    peers: [
      ...found.map(({ name, version }) => ({ name, version })),
      ...[...missing].map(([name, why]) => ({ name, version: '', missing: why })),
    ],
    scenarios,
  };
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(report)}\n` : reportText(report));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
try {
  await main(readOptions(process.argv.slice(2)));
  process.exit(0);
} catch (error) {
  process.stderr.write(`weft bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof WrongFlag ? 2 : 1);
}
