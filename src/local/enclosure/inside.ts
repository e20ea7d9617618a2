import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { systemClock } from '../../lib/clock.ts';
import { eventLine, type Report } from '../events.ts';
import { openNamespaces } from '../network/namespaces.ts';
import { startPlatform } from '../platform.ts';
import { openRelay } from '../relay.ts';
import { dashboardAddress, type MakeParts, type RunSettings } from '../run-settings.ts';

/**
 * The half of `weft up` that runs in the enclosure, as its root. Its standard input carries one line of settings and
 * later one that says stop; its end means that the outside is gone. Its standard output carries events. Resolves with
 * the exit code.
 */
export async function runInside(
  makeParts: MakeParts,
  input: Readable,
  output: Writable,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const report: Report = (event) => void output.write(eventLine(event));
  output.on('error', () => {}); // the outside is gone; the end of the input says so too
  const lines = createInterface({ input });
  const ended = new Promise<void>((resolve) => lines.once('close', resolve));
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return 1;
  const stopped = Promise.race([ended, iterator.next()]);
  try {
    await runUntil(stopped, JSON.parse(first.value) as RunSettings, makeParts, report, env);
    return 0;
  } catch (error) {
    report({ event: 'problem', text: (error as Error).message });
    return 1;
  }
}

async function runUntil(
  stopped: Promise<unknown>,
  settings: RunSettings,
  makeParts: MakeParts,
  report: Report,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { way, paths } = settings;
  if (way === 'shared') throw new Error('the shared way has no inside');
  const parts = await makeParts(settings);
  const networks = await openNamespaces({ way, stateFolder: paths.folder, proxyFiles: parts.proxyFiles });
  report({ event: 'step', text: 'Network is up: bridge, forwarding, DNS' });
  const world = { parts, networks, clock: systemClock, report };
  const platform = await startPlatform({ ...settings, env }, world);
  const gateway = await openRelay({ path: paths.gatewaySocket }, () => platform.gateway(80));
  const gatewayTls = await openRelay({ path: paths.gatewayTlsSocket }, () => platform.gateway(443));
  const dashboard = await openRelay({ path: paths.dashboardSocket }, () => dashboardAddress(settings));
  await stopped;
  gateway.close();
  gatewayTls.close();
  dashboard.close();
  await platform.stop();
}
