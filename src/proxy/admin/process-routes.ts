/** The admin end points that tell about the process: there is one of each, whatever the number of workers. */
import type { Clock } from '../../lib/clock.ts';
import type { Bootstrap } from '../../xds/resources.ts';
import { type AdminAnswer, type AdminRoute, json } from './admin.ts';

export interface ProcessState {
  readonly bootstrap: Bootstrap;
  readonly version: string;
  readonly startedAtMs: number;
  readonly restartEpoch: number;
  readonly workers: number;
  readonly clock: Clock;
  readonly ready: () => boolean;
  readonly connected: () => boolean;
  readonly warming: () => readonly string[];
  readonly quit: () => void;
}

export function processRoutes(state: ProcessState): ReadonlyMap<string, AdminRoute> {
  const get = (help: string, answer: AdminRoute['answer']): AdminRoute => ({ method: 'GET', help, answer });
  return new Map<string, AdminRoute>([
    ['/ready', get('LIVE when everything it was told to run is running', () => readiness(state))],
    ['/server_info', get('version, state, uptime, node', () => json(serverInfo(state)))],
    [
      '/quitquitquit',
      {
        method: 'POST',
        help: 'stop the proxy',
        answer() {
          state.quit();
          return { body: 'OK\n' };
        },
      },
    ],
  ]);
}

function readiness(state: ProcessState): AdminAnswer {
  if (state.ready()) return { body: 'LIVE\n' };
  const waiting = state.warming();
  const why =
    waiting.length > 0 ? `waiting for ${waiting.slice(0, 10).join(', ')}` : 'waiting for the control plane';
  return { status: 503, body: `PRE_INITIALIZING: ${why}\n` };
}

function serverInfo(state: ProcessState): object {
  const uptime = `${Math.round((state.clock.nowMs() - state.startedAtMs) / 1000)}s`;
  return {
    version: `weft/${state.version}`,
    state: state.ready() ? 'LIVE' : 'PRE_INITIALIZING',
    control_plane: state.connected() ? 'connected' : 'away',
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    command_line_options: { concurrency: state.workers, restart_epoch: state.restartEpoch },
    node: state.bootstrap.node,
  };
}
