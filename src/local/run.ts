import { delimiter, dirname } from 'node:path';
import { systemClock } from '../lib/clock.ts';
import { defined } from '../lib/defined.ts';
import { openEnclosure } from './enclosure/outside.ts';
import type { Report } from './events.ts';
import { type Load, startLoad } from './load.ts';
import { pathWithSbin, probeMachine } from './machine.ts';
import { openShared } from './network/shared.ts';
import { isOnPath } from './on-path.ts';
import { type Platform, startPlatform } from './platform.ts';
import { Reaper } from './processes/reaper.ts';
import { openRelay, type Relay } from './relay.ts';
import type { DataPlane } from './resources/desired.ts';
import type { MakeParts, RunSettings } from './run-settings.ts';
import { closeRun, openHome, openRun, stateHomes } from './state.ts';
import { chooseWay, type Way } from './way.ts';

// The outer half of `weft up`: chooses the way, offers the machine's ports, starts the platform and ends it.

export interface UpSettings {
  readonly dir: string;
  /** 0 takes a free port. */
  readonly gatewayPort: number;
  /** Where the gateway's port 443 is offered; `named`: a port that is taken is an error. Undefined: nowhere. */
  readonly gatewayTls: { readonly port: number; readonly named: boolean } | undefined;
  readonly dashboardPort: number;
  readonly dataPlane: DataPlane;
  /** Undefined: the best there is. */
  readonly way: Way | undefined;
  /** Requests a second to keep the example alive with; 0 is none. */
  readonly loadRps: number;
  /** What the load asks for; '' for what is answered first. */
  readonly loadPath: string;
  /** What the gateway answers to, found out whenever all is ready. */
  readonly addresses: (gateway: string) => Promise<GatewayAddresses>;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command line that runs this program as the inside. */
  readonly insideArgv: readonly string[];
  /** For the maker of the parts. */
  readonly extra: Readonly<Record<string, string>>;
}

/** What to open at the gateway. */
export interface GatewayAddresses {
  /** For people, after `Gateway: `. */
  readonly text: string;
  /** First path that any host is answered on; '' for none. */
  readonly path: string;
  readonly doors: readonly { readonly host: string; readonly path: string }[];
}

/** How the run is ended from outside. */
export interface StopSignals {
  /** In order. */
  readonly stop: AbortSignal;
  /** At once. */
  readonly kill: AbortSignal;
}

/** Something that runs until it is told to stop, or ends by itself. */
interface Running {
  readonly ended: Promise<number>;
  stop(): void;
  kill(): void;
}

/** Runs a mesh until it is stopped; resolves with the exit code: 0 after a stop, 1 when it could not go on. */
export async function runUp(
  up: UpSettings,
  makeParts: MakeParts,
  signals: StopSignals,
  report: Report,
): Promise<number> {
  // This Node first: applications named `node` in the folder are written for the one weft runs on.
  const path = [dirname(process.execPath), pathWithSbin(up.env['PATH'])].join(delimiter);
  const env = { ...up.env, PATH: path };
  const choice = chooseWay(await probeMachine(path), up.way);
  if (choice.way === undefined) {
    report({ event: 'problem', text: choice.refusal });
    return 1;
  }
  const { way } = choice;
  report({ event: 'platform', text: choice.sentence, data: { way } });
  const relays: Relay[] = [];
  try {
    return await runWay({ ...up, env }, way, relays, makeParts, signals, report);
  } catch (error) {
    report({ event: 'problem', text: (error as Error).message });
    return 1;
  } finally {
    for (const relay of relays) relay.close();
  }
}

async function runWay(
  up: UpSettings,
  way: Way,
  relays: Relay[],
  makeParts: MakeParts,
  signals: StopSignals,
  report: Report,
): Promise<number> {
  let running: Running | undefined;
  let shared: SharedRun | undefined;
  let paths: RunSettings['paths'] | undefined;
  // Ports first: of two runs that want the same, the second must not get as far as touching the state of the first.
  const gateway = await openPort(up.gatewayPort, '--gateway-port', () =>
    way === 'shared' ? shared?.gateway(80) : paths === undefined ? undefined : { path: paths.gatewaySocket },
  );
  relays.push(gateway);
  const tls = await openTlsPort(up, report, () =>
    way === 'shared'
      ? shared?.gateway(443)
      : paths === undefined
        ? undefined
        : { path: paths.gatewayTlsSocket },
  );
  if (tls !== undefined) relays.push(tls);
  let dashboardPort = up.dashboardPort;
  if (way !== 'shared') {
    const dashboard = await openPort(up.dashboardPort, '--dashboard-port', () =>
      paths === undefined ? undefined : { path: paths.dashboardSocket },
    );
    relays.push(dashboard);
    dashboardPort = dashboard.port;
  }
  paths = openRun(openHome(stateHomes(up.cwd, up.env)), gateway.port);
  const { dir, dataPlane, extra } = up;
  const settings: RunSettings = {
    way,
    dir,
    dataPlane,
    extra,
    paths,
    gatewayPort: gateway.port,
    dashboardPort,
  };
  report({ event: 'step', text: `State and logs are in ${paths.folder}`, data: { folder: paths.folder } });
  const load = loadWhenReady(up, settings, tls?.port, report);
  if (way === 'shared') running = shared = await runShared(settings, up.env, makeParts, load.report);
  else running = openEnclosure(settings, up.insideArgv, up.env, load.report);
  const code = await untilStopped(running, signals);
  load.stop();
  closeRun(paths);
  report({ event: 'stopped', text: 'Everything is stopped' });
  return code;
}

/** A second port is a convenience: where nobody asked for it by number, it being taken is no reason to end. */
async function openTlsPort(
  { gatewayTls }: UpSettings,
  report: Report,
  target: Parameters<typeof openRelay>[1],
): Promise<Relay | undefined> {
  if (gatewayTls === undefined) return undefined;
  try {
    return await openPort(gatewayTls.port, '--gateway-tls-port', target);
  } catch (error) {
    if (gatewayTls.named) throw error;
    report({ event: 'problem', text: `The gateway's port 443 is not offered. ${(error as Error).message}` });
    return undefined;
  }
}

async function openPort(port: number, flag: string, target: Parameters<typeof openRelay>[1]): Promise<Relay> {
  try {
    return await openRelay({ host: '127.0.0.1', port }, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} of 127.0.0.1 is taken by another program; choose another one with ${flag}`);
  }
}

/** Adds the addresses to the event that says all is ready, and starts the load then. */
function loadWhenReady(
  up: UpSettings,
  settings: RunSettings,
  tlsPort: number | undefined,
  report: Report,
): { report: Report; stop(): void } {
  let load: Load | undefined;
  let stopped = false;
  const { gatewayPort, dashboardPort } = settings;
  const gateway = `http://127.0.0.1:${gatewayPort}`;
  const dashboard = `http://127.0.0.1:${dashboardPort}`;
  const gatewayTls = tlsPort === undefined ? undefined : `https://127.0.0.1:${tlsPort}`;
  return {
    report(event) {
      if (event.event !== 'ready') {
        report(event);
        return;
      }
      void up.addresses(gateway).then(({ text: places, path, doors }) => {
        const tls = gatewayTls === undefined ? '' : `  TLS: ${gatewayTls}`;
        const text = `${event.text}. Gateway: ${places}${tls}  Dashboard: ${dashboard}  (Ctrl-C ends it all)`;
        report({
          ...event,
          text,
          data: { ...event.data, gateway, ...defined({ gatewayTls }), dashboard, doors },
        });
        if (up.loadRps > 0 && !stopped)
          load ??= startLoad(gatewayPort, up.loadPath || path || '/', up.loadRps, report);
      });
    },
    stop() {
      stopped = true;
      load?.stop();
    },
  };
}

async function untilStopped(running: Running, { stop, kill }: StopSignals): Promise<number> {
  let asked = false;
  const onStop = (): void => {
    asked = true;
    running.stop();
  };
  const onKill = (): void => {
    asked = true;
    running.kill();
  };
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  kill.addEventListener('abort', onKill, { once: true });
  const code = await running.ended;
  stop.removeEventListener('abort', onStop);
  kill.removeEventListener('abort', onKill);
  return asked ? 0 : code || 1;
}

interface SharedRun extends Running {
  gateway: Platform['gateway'];
}

/** Without an enclosure the platform runs in this process. */
async function runShared(
  settings: RunSettings,
  env: UpSettings['env'],
  makeParts: MakeParts,
  report: Report,
): Promise<SharedRun> {
  const diesWithUs = isOnPath('setpriv', env['PATH'] ?? '') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const reaper = new Reaper();
  const networks = openShared(diesWithUs);
  const parts = await makeParts(settings);
  const platform = await startPlatform(
    { ...settings, env },
    { parts, networks, clock: systemClock, report, reaper },
  );
  const ended = Promise.withResolvers<number>();
  return {
    ended: ended.promise,
    gateway: (port) => platform.gateway(port),
    stop: () => void platform.stop().then(() => ended.resolve(0)),
    kill: () => {
      reaper.close(); // kills what it knows
      ended.resolve(0);
    },
  };
}
