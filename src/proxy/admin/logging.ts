import { logLevel } from '../log-level.ts';
import type { LeveledLog, LogLevel } from '../process-log.ts';
import type { AdminAnswer } from './admin.ts';

const usage = `
usage: /logging?<name>=<level> (change single level)
usage: /logging?level=<level> (change all levels)
usage: /logging (list current levels)
names: main
levels: trace debug info warning error critical off
`;

/** POST /logging as Envoy's, with one logger. */
export function logging(log: LeveledLog | undefined, query: URLSearchParams): AdminAnswer {
  const wanted = query.get('level') ?? query.get('main');
  if (wanted === null && query.size > 0) return { status: 400, body: `error: unknown logger name\n${usage}` };
  let level: LogLevel | undefined;
  try {
    level = logLevel(wanted ?? undefined);
  } catch {
    return { status: 400, body: `error: unknown logger level\n${usage}` };
  }
  if (log !== undefined && level !== undefined) log.level = level;
  return { body: `active loggers:\n  main: ${log?.level ?? 'info'}\n` };
}
