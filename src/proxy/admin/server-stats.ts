import type { ProcessState } from './process-state.ts';

/** `server.state`, as Envoy numbers it. */
const LIVE = 0;
const DRAINING = 1;
const PRE_INITIALIZING = 2;

/** Statistics of the process, which are those of one process whatever the number of workers; all are gauges. */
export function serverStats(state: ProcessState): readonly (readonly [name: string, value: number])[] {
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  const running = state.ready() ? LIVE : PRE_INITIALIZING;
  return [
    ['control_plane.connected_state', state.connected() ? 1 : 0],
    ['server.concurrency', state.workers],
    ['server.hot_restart_epoch', state.restartEpoch],
    ['server.live', state.ready() ? 1 : 0],
    ['server.memory_allocated', heapUsed],
    ['server.memory_heap_size', heapTotal],
    ['server.memory_physical_size', rss],
    ['server.state', state.draining() ? DRAINING : running],
    ['server.uptime', Math.floor((state.clock.nowMs() - state.startedAtMs) / 1000)],
  ];
}

/** As lines of /stats. */
export function serverLines(state: ProcessState): string {
  return serverStats(state)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** As Prometheus text. */
export function serverPrometheus(state: ProcessState): string {
  return serverStats(state)
    .map(([name, value]) => {
      const metric = `envoy_${name.replaceAll('.', '_')}`;
      return `# TYPE ${metric} gauge\n${metric}{} ${value}\n`;
    })
    .join('');
}
