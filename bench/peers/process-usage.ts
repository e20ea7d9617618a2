import { readFileSync } from 'node:fs';

/** Clock ticks per second of /proc, the same on every Linux that matters (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** CPU time in microseconds, in steps of 10,000. */
export interface CpuTime {
  readonly total: number;
  /** The part in the kernel: for a proxy, mostly reads and writes of sockets. */
  readonly kernel: number;
}

/** User and system time of a process so far, all its threads. */
export function cpuTime(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, kernel] = [fields[11], fields[12]].map(
    (ticks) => Number(ticks) * (1_000_000 / TICKS_PER_SECOND),
  );
  return { total: (user ?? 0) + (kernel ?? 0), kernel: kernel ?? 0 };
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
}

/** The most that its resident memory ever was, in bytes. */
export function peakResidentBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
}

/** How many files this process and its children may have open. */
export function openFilesLimit(): number {
  const text = /Max open files\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}
