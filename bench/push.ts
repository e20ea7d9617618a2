/**
 * What changes cost the control plane with many proxies connected.
 *
 *     node bench/push.ts [--services 1000,5000] [--proxies 100,400,1000] [--rounds 5] [--rule-every 10] [-o json]
 *         [--profile FOLDER]
 *
 * In: dist/ (npm run build). Out: a table or JSON on standard output, progress on standard error. A mesh is written as files, each
 * service with two endpoints, every tenth with a DestinationRule and a VirtualService, all on one port; `weft control` reads them
 * as a process of its own. Light clients (push/light-client.ts) in another process hold one connection each and ask for
 * what an Envoy asks for: all clusters and listeners, endpoints and routes by name. CPU is that of the control plane
 * alone, from /proc (in steps of 10 ms), all threads; times end with the last answer of a proxy. More proxies than
 * services are not run. Nothing stays behind: children die with this process.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { bytesText, table } from '../src/cli/table.ts';
import { type Measured, measure } from './push/measure.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000,5000' },
    proxies: { type: 'string', default: '100,400,1000' },
    rounds: { type: 'string', default: '5' },
    'rule-every': { type: 'string', default: '10' },
    profile: { type: 'string' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});

/** Above it addresses of services would run over. */
const MAX_SERVICES = 60_000;

function numbers(flag: string, text: string): readonly number[] {
  const list = text.split(',').map(Number);
  const wrong = list.find((value) => !Number.isInteger(value) || value < 1 || value > MAX_SERVICES);
  if (wrong === undefined) return list;
  console.error(`--${flag} ${text}: takes whole numbers from 1 to ${MAX_SERVICES}, with commas`);
  process.exit(2);
}

const HEADING = [
  'services',
  'proxies',
  'what',
  'CPU ms',
  'of it kernel',
  'last ACK ms',
  'proxies told',
  'sent',
  'RSS (peak)',
  'RSS per proxy',
];

function rowsOf(one: Measured): readonly (readonly string[])[] {
  const where = [String(one.services), String(one.proxies)];
  const rss = [
    `${bytesText(one.rssBytes)} (${bytesText(one.peakRssBytes)})`,
    bytesText(one.rssBytesPerProxy),
  ];
  return [
    [...where, 'load', one.loadCpuMs.toFixed(0), '', '', '', '', bytesText(one.idleRssBytes), ''],
    [
      ...where,
      'cold start',
      one.coldCpuMs.toFixed(0),
      one.coldKernelMs.toFixed(0),
      one.coldMs.toFixed(0),
      String(one.proxies),
      bytesText(one.coldBytes),
      ...rss,
    ],
    ...one.changes.map(({ kind, cpuMs, kernelMs, lastAckMs, proxies, bytes }) => [
      ...where,
      kind,
      cpuMs.toFixed(0),
      kernelMs.toFixed(0),
      lastAckMs.toFixed(0),
      String(proxies),
      bytesText(bytes),
      '',
      '',
    ]),
  ];
}

const [rounds = 5] = numbers('rounds', values.rounds);
const [ruleEvery = 10] = numbers('rule-every', values['rule-every']);
const { profile } = values;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
const loadBefore = loadavg()[0] ?? 0;
const results: Measured[] = [];
for (const services of numbers('services', values.services))
  for (const proxies of numbers('proxies', values.proxies).filter((count) => count <= services))
    results.push(
      await measure({ services, proxies, rounds, ruleEvery, profile }, (text) => console.error(text)),
    );
const machine = {
  cpus: cpus().length,
  model: cpus()[0]?.model,
  loadAverage: [loadBefore, loadavg()[0] ?? 0],
};
if (values.output === 'json') console.log(JSON.stringify({ machine, results }));
else {
  console.log(
    `${machine.cpus} cores, load average ${machine.loadAverage.map((load) => load.toFixed(1)).join(' -> ')}`,
  );
  console.log(table(HEADING, results.flatMap(rowsOf)));
}
