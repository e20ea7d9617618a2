/** The proxy's own log: one line an event on standard error, with level and time; access logs go elsewhere. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'off';

export type ProcessLog = (level: Exclude<LogLevel, 'off'>, message: string) => void;

/** A log whose level can change while it runs. */
export interface LeveledLog {
  readonly log: ProcessLog;
  level: LogLevel;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3, off: 4 };

/** Lines a second beyond which lines are dropped and counted: a hostile peer cannot fill the disk. */
export const MAX_LINES_PER_SECOND = 100;

/** A log that writes lines from `level` up. `write` gets whole lines with their end. */
export function createProcessLog(
  level: LogLevel,
  nowMs: () => number,
  write: (line: string) => void,
): LeveledLog {
  let second = 0;
  let lines = 0;
  const leveled: LeveledLog = {
    level,
    log(of, message) {
      if (rank[of] < rank[leveled.level]) return;
      const now = nowMs();
      if (Math.floor(now / 1000) !== second) {
        if (lines > MAX_LINES_PER_SECOND)
          write(`${stamp(now)} warning ${lines - MAX_LINES_PER_SECOND} lines dropped\n`);
        second = Math.floor(now / 1000);
        lines = 0;
      }
      lines += 1;
      if (lines <= MAX_LINES_PER_SECOND) write(`${stamp(now)} ${of} ${message.replaceAll('\n', ' ')}\n`);
    },
  };
  return leveled;
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString();
}
