import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '../lib/clock.ts';

/** A process's memory, as far as it is looked at. */
export interface Memory {
  /** In use or garbage: objects, and what lies outside of the heap for them. */
  usedBytes(): number;
  /** CPU of the process so far. */
  cpuMs(): number;
  /** Frees all garbage, and what the heap keeps for more; blocks for as long as that takes. */
  collect(): void;
}

/** How often is looked, and how many times in a row the process must be found at rest. */
export const LOOK_MS = 1000;
export const REST_LOOKS = 5;
/** It blocks for some 0.3 s where the heap is 100 MiB: no change is to be followed by that more often than this. */
export const MIN_BETWEEN_MS = 60_000;
/** At rest: less of a core than this share since the last look. */
const REST_SHARE = 0.03;
/** Worth it: so much more than after the last time, and this share of that. */
const MIN_GROWTH_BYTES = 16 * 1024 * 1024;
const MIN_GROWTH_SHARE = 0.15;

/**
 * Frees garbage when the process has nothing to do. V8 collects only when something is allocated: after a push to many
 * proxies the buffers of old configurations would stay for as long as nothing changes. Ends with the returned function.
 */
export function collectAtRest(clock: Clock, memory: Memory): () => void {
  let keptBytes = 0;
  let cpuMs = memory.cpuMs();
  let looksAtRest = 0;
  let notBeforeMs = 0;
  let timer: Timer;
  const isWorthIt = (): boolean => {
    const growth = memory.usedBytes() - keptBytes;
    return growth >= Math.max(MIN_GROWTH_BYTES, keptBytes * MIN_GROWTH_SHARE);
  };
  const look = (): void => {
    const beforeMs = cpuMs;
    cpuMs = memory.cpuMs();
    looksAtRest = cpuMs - beforeMs < LOOK_MS * REST_SHARE ? looksAtRest + 1 : 0;
    const nowMs = clock.monotonicMs();
    if (looksAtRest >= REST_LOOKS && nowMs >= notBeforeMs && isWorthIt()) {
      memory.collect();
      keptBytes = memory.usedBytes();
      cpuMs = memory.cpuMs();
      notBeforeMs = nowMs + MIN_BETWEEN_MS;
    }
    timer = clock.setTimeout(look, LOOK_MS);
  };
  timer = clock.setTimeout(look, LOOK_MS);
  return () => timer.cancel();
}

/** This process. */
export function processMemory(): Memory {
  // The flag is read when a context is made, so nothing else sees the function.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  return {
    usedBytes() {
      const { used_heap_size, external_memory } = getHeapStatistics();
      return used_heap_size + external_memory;
    },
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    collect: () => collect({ type: 'major', flavor: 'last-resort' }),
  };
}
