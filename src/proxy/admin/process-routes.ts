/** The admin end points that tell about the process: there is one of each, whatever the number of workers. */
import { type AdminAnswer, type AdminRoute, json, overview } from './admin.ts';
import { logging } from './logging.ts';
import type { ProcessState } from './process-state.ts';
import { serverLines, serverPrometheus } from './server-stats.ts';
import { statsView } from './stats-view.ts';

/** `plane`: the end points of the data plane; some are answered here with its help. */
export function processRoutes(
  state: ProcessState,
  plane: ReadonlyMap<string, AdminRoute>,
): ReadonlyMap<string, AdminRoute> {
  const get = (help: string, answer: AdminRoute['answer']): AdminRoute => ({ method: 'GET', help, answer });
  const post = (help: string, answer: AdminRoute['answer']): AdminRoute => ({ method: 'POST', help, answer });
  const ask = async (path: string, query = new URLSearchParams()): Promise<AdminAnswer> =>
    (await plane.get(path)?.answer(query)) ?? { status: 404, body: '' };
  const stats = async (query: URLSearchParams): Promise<AdminAnswer> => {
    if (query.get('format') === 'prometheus') return prometheus();
    const all = await ask('/stats');
    return (all.status ?? 200) === 200 ? statsView(all.body + serverLines(state), query) : all;
  };
  const prometheus = async (): Promise<AdminAnswer> => {
    const all = await ask('/stats/prometheus');
    return (all.status ?? 200) === 200 ? { ...all, body: all.body + serverPrometheus(state) } : all;
  };
  const routes: ReadonlyMap<string, AdminRoute> = new Map<string, AdminRoute>([
    ...plane,
    ['/ready', get('LIVE when everything it was told to run is running', () => readiness(state))],
    ['/server_info', get('version, state, uptime, options, node', () => json(serverInfo(state)))],
    ['/stats', get(plane.get('/stats')?.help ?? '', stats)],
    ['/stats/prometheus', get(plane.get('/stats/prometheus')?.help ?? '', prometheus)],
    ['/memory', get('bytes in use', () => json(memory()))],
    ['/runtime', get('runtime layers: none', () => json({ layers: [], entries: {} }))],
    ['/init_dump', get('what still waits', () => json(initDump(state)))],
    ['/hot_restart_version', get('who can take over from this proxy', () => ({ body: restartVersion }))],
    ['/help', get('these lines', () => ({ body: `admin commands are:\n${overview(routes)}` }))],
    ...changing(),
  ]);
  return routes;

  /** What this process does beside its workers. */
  function changing(): readonly (readonly [string, AdminRoute])[] {
    return [
      [
        '/quitquitquit',
        post('stop the proxy', () => {
          state.quit();
          return { body: 'OK\n' };
        }),
      ],
      [
        '/logging',
        post("the own log's level (?level=)", async (query) => {
          await ask('/logging', query);
          return logging(state.log, query);
        }),
      ],
      ...([true, false] as const).map((healthy): readonly [string, AdminRoute] => {
        const path = healthy ? '/healthcheck/ok' : '/healthcheck/fail';
        const change = (): Promise<AdminAnswer> => {
          state.setHealthy(healthy);
          return ask(path);
        };
        return [path, post(plane.get(path)?.help ?? '', change)];
      }),
    ];
  }
}

/** Proxies of the same one can replace each other in place. */
const restartVersion = 'weft-1';

/** envoy.admin.v3.Memory. */
function memory(): object {
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return {
    allocated: String(heapUsed),
    heap_size: String(heapTotal),
    pageheap_unmapped: '0',
    pageheap_free: String(heapTotal - heapUsed),
    total_thread_cache: '0',
    total_physical_bytes: String(rss),
  };
}

/** envoy.admin.v3.UnreadyTargetsDumps. */
function initDump(state: ProcessState): object {
  const waiting = state.warming();
  if (waiting.length === 0) return {};
  return { unready_targets_dumps: [{ name: 'init manager weft', target_names: [...waiting] }] };
}

function readiness(state: ProcessState): AdminAnswer {
  if (state.ready()) return { body: 'LIVE\n' };
  if (state.draining()) return { status: 503, body: 'DRAINING\n' };
  const waiting = state.warming();
  const why =
    waiting.length > 0 ? `waiting for ${waiting.slice(0, 10).join(', ')}` : 'waiting for the control plane';
  return { status: 503, body: `PRE_INITIALIZING: ${why}\n` };
}

/** envoy.admin.v3.ServerInfo, with what is ours beside it. */
function serverInfo(state: ProcessState): object {
  const { options = {} } = state;
  const uptime = `${Math.round((state.clock.nowMs() - state.startedAtMs) / 1000)}s`;
  const { node } = state.bootstrap;
  return {
    version: `weft/${state.version}`,
    state: state.draining() ? 'DRAINING' : state.ready() ? 'LIVE' : 'PRE_INITIALIZING',
    control_plane: state.connected() ? 'connected' : 'away',
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    hot_restart_version: restartVersion,
    command_line_options: {
      base_id: String(options.baseId ?? 0),
      concurrency: state.workers,
      config_path: options.configPath ?? '',
      config_yaml: options.configYaml ?? '',
      admin_address_path: options.adminAddressPath ?? '',
      log_level: state.log?.level ?? 'info',
      log_path: options.logPath ?? '',
      service_cluster: options.serviceCluster ?? '',
      service_node: options.serviceNode ?? '',
      service_zone: options.serviceZone ?? '',
      drain_time: `${(options.drainTimeMs ?? 5_000) / 1000}s`,
      parent_shutdown_time: `${(options.parentShutdownTimeMs ?? 900_000) / 1000}s`,
      mode: 'Serve',
      disable_hot_restart: options.baseId === undefined,
      restart_epoch: state.restartEpoch,
    },
    node: { ...node, user_agent_name: 'weft', user_agent_version: state.version },
  };
}
