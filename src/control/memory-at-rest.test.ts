import { expect, test } from 'vitest';
import { manualClock } from '../lib/manual-clock.ts';
import { collectAtRest, LOOK_MS, type Memory, processMemory } from './memory-at-rest.ts';

const MIB = 1024 * 1024;

function memoryOf(usedMiB: number): Memory & { usedMiB: number; spentMs: number; collections: number } {
  return {
    usedMiB,
    spentMs: 0,
    collections: 0,
    usedBytes() {
      return this.usedMiB * MIB;
    },
    cpuMs() {
      return this.spentMs;
    },
    collect() {
      this.collections++;
      this.usedMiB = 50;
    },
  };
}

test('garbage is freed once, at rest, where there is enough of it', () => {
  const clock = manualClock();
  const memory = memoryOf(100);
  const stop = collectAtRest(clock, memory);
  memory.spentMs += 500;
  clock.advance(LOOK_MS);
  expect(memory.collections).toBe(0); // busy
  clock.advance(LOOK_MS);
  expect(memory.collections).toBe(1);
  memory.usedMiB += 10;
  clock.advance(10 * LOOK_MS);
  expect(memory.collections).toBe(1); // little has come
  memory.usedMiB += 10;
  clock.advance(LOOK_MS);
  expect(memory.collections).toBe(2);
  stop();
  memory.usedMiB += 100;
  clock.advance(10 * LOOK_MS);
  expect(memory.collections).toBe(2);
});

test('the process itself can be asked and collected', () => {
  const memory = processMemory();
  expect(memory.usedBytes()).toBeGreaterThan(MIB);
  expect(memory.cpuMs()).toBeGreaterThan(0);
  memory.collect();
});
