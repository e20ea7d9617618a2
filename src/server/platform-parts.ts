import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { PartStatus, ProblemReport, Usage } from './contract.ts';

// The platform's table of processes: a file that it writes anew every few seconds. CPU comes as seconds since the start
// of a process; what it uses is the difference between two looks, at first the average since its start.

const entry = z.object({
  name: z.string(),
  kind: z.enum(['control', 'agent', 'proxy', 'app']),
  state: z.string().default('running'),
  pid: z.number().nullish(),
  restarts: z.number().default(0),
  /** Of the last change of its state: while it runs, when it started. */
  sinceMs: z.number().nullish(),
  lastExit: z.string().nullish(),
  cpuSeconds: z.number().nullish(),
  rssBytes: z.number().nullish(),
});
const problem = z.object({ file: z.string(), line: z.number(), message: z.string() });
const table = z.object({
  atMs: z.number().nullish(),
  processes: z.array(entry).max(10_000),
  problems: z.array(problem).max(10_000).default([]),
});

type Entry = z.infer<typeof entry>;

/** Parts as the platform tells. */
export interface PlatformParts {
  /** The present table; empty where there is none. Never rejects. */
  read(): Promise<PlatformReport>;
}

/** What the platform tells. */
export interface PlatformReport {
  readonly processes: readonly PartStatus[];
  readonly problems: readonly ProblemReport[];
}

/** Where there is no platform. */
export const noPlatform: PlatformParts = { read: async () => ({ processes: [], problems: [] }) };

interface Sample {
  readonly pid: number;
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly usage: Usage | undefined;
}

/** Looks at most this often: two looks a moment apart would tell nothing about CPU. */
const SHORTEST_SPAN_MS = 500;

/** Follows the table in a file. */
export function platformPartsFrom(file: string, clock: Clock): PlatformParts {
  const samples = new Map<string, Sample>();
  return {
    async read() {
      try {
        const { processes, problems, atMs } = table.parse(JSON.parse(await readFile(file, 'utf8')));
        const names = new Set(processes.map(({ name }) => name));
        for (const name of samples.keys()) if (!names.has(name)) samples.delete(name);
        const usage = (one: Entry) => sampled(samples, one, atMs ?? clock.nowMs());
        return { processes: processes.map((one) => statusOf(one, usage(one))), problems };
      } catch {
        return { processes: [], problems: [] };
      }
    },
  };
}

function sampled(samples: Map<string, Sample>, one: Entry, atMs: number): Usage | undefined {
  const { pid, cpuSeconds, rssBytes } = one;
  if (pid == null || cpuSeconds == null) return undefined;
  const known = samples.get(one.name);
  // At the first look there is only the whole time since the start to go by.
  const start: Sample = { pid, atMs: one.sinceMs ?? atMs, cpuSeconds: 0, usage: undefined };
  const last = known?.pid === pid ? known : start;
  const spanMs = atMs - last.atMs;
  if (spanMs < SHORTEST_SPAN_MS) return last.usage;
  const cpu = Math.max(0, (cpuSeconds - last.cpuSeconds) / (spanMs / 1000));
  const usage = { cpu, memoryBytes: rssBytes ?? 0 };
  samples.set(one.name, { pid, atMs, cpuSeconds, usage });
  return usage;
}

function statusOf(one: Entry, usage: Usage | undefined): PartStatus {
  return {
    kind: one.kind,
    name: one.name,
    state: one.state,
    restarts: one.restarts,
    ...(one.pid != null && { pid: one.pid }),
    ...(one.lastExit != null && { lastExit: one.lastExit }),
    ...(usage !== undefined && { usage }),
  };
}
