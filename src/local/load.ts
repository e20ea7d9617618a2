import { Agent, get } from 'node:http';
import type { Report } from './events.ts';

/**
 * Keeps the example alive: asks the gateway for a page at a steady rate, whether answers come or not (open loop), and
 * tells every ten seconds how it went.
 */

/** Requests in flight; at this many the next ones are left out and counted. */
const MAX_IN_FLIGHT = 512;
const TIMEOUT_MS = 10_000;
const REPORT_MS = 10_000;
/** Requests are sent in ticks of this, as many as are due. */
const TICK_MS = 10;
/** Highest rate that makes sense from one process. */
export const MAX_LOAD_RPS = 10_000;

export interface Load {
  stop(): void;
}

interface Tally {
  sent: number;
  skipped: number;
  failed: number;
  readonly statuses: Map<number, number>;
  readonly latenciesMs: number[];
}

/** Starts asking `http://127.0.0.1:port/path`, `rps` times a second. */
export function startLoad(port: number, path: string, rps: number, report: Report): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const startedMs = performance.now();
  let tally = newTally();
  let total = 0;
  let inFlight = 0;
  const ask = (): void => {
    const into = tally;
    const sentMs = performance.now();
    const done = (): void => void inFlight--;
    inFlight++;
    into.sent++;
    const request = get({ host: '127.0.0.1', port, path, agent, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', () => {
        into.latenciesMs.push(performance.now() - sentMs);
        const status = response.statusCode ?? 0;
        into.statuses.set(status, (into.statuses.get(status) ?? 0) + 1);
      });
      response.on('error', () => void into.failed++);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => void into.failed++);
    request.on('close', done);
  };
  const ticks = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * rps);
    for (; total < due; total++) {
      if (inFlight < MAX_IN_FLIGHT) ask();
      else tally.skipped++;
    }
  }, TICK_MS);
  const reports = setInterval(() => {
    report(loadEvent(tally));
    tally = newTally();
  }, REPORT_MS);
  return {
    stop() {
      clearInterval(ticks);
      clearInterval(reports);
      agent.destroy();
    },
  };
}

function newTally(): Tally {
  return { sent: 0, skipped: 0, failed: 0, statuses: new Map(), latenciesMs: [] };
}

/** The line about a tally. `failed` counts requests without an answer; answers are counted by their status. */
export function loadEvent(tally: Tally): Parameters<Report>[0] {
  const sorted = tally.latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(share * sorted.length)] ?? 0) * 10) / 10;
  const statuses = [...tally.statuses].sort(([a], [b]) => a - b);
  const { sent, failed, skipped } = tally;
  const data = {
    sent,
    failed,
    skipped,
    statuses: Object.fromEntries(statuses),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
  const answers = statuses.map(([status, count]) => `${count} x ${status}`);
  if (failed > 0) answers.push(`${failed} failed`);
  if (skipped > 0) answers.push(`${skipped} left out`);
  const text = `load: ${sent} requests: ${answers.join(', ') || 'no answers'}; p50 ${data.p50Ms} ms, p99 ${data.p99Ms} ms`;
  return { event: 'load', text, data };
}
