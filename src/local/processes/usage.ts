import { readFileSync } from 'node:fs';

// CPU and memory of processes from Linux' /proc; nothing elsewhere.

export interface Usage {
  /** Seconds of CPU since the process started, user and system. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Clock ticks and pages have these sizes on every Linux that Node runs on (USER_HZ; pages are read in kB from status). */
const TICKS_PER_SECOND = 100;

/** Undefined where the process is gone or this is not Linux. */
export function usageOf(pid: number): Usage | undefined {
  try {
    return parseUsage(readFileSync(`/proc/${pid}/stat`, 'utf8'), readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads the two files of proc(5). The program's name in `stat` may hold spaces and brackets: fields count from its last bracket. */
export function parseUsage(stat: string, status: string): Usage {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rssKb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes: rssKb * 1024 };
}
