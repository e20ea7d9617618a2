import { expect, test } from 'vitest';
import { manualClock } from '../lib/manual-clock.ts';
import {
  collectAtRest,
  LOOK_MS,
  type Memory,
  MIN_BETWEEN_MS,
  processMemory,
  REST_LOOKS,
} from './memory-at-rest.ts';

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

test('garbage is freed at rest, where there is enough of it, and not often', () => {
  const clock = manualClock();
  const memory = memoryOf(100);
  const stop = collectAtRest(clock, memory);
  const look = (times: number): void => {
    for (let i = 0; i < times; i++) clock.advance(LOOK_MS);
  };
  look(REST_LOOKS - 1);
  memory.spentMs += 500; // busy: at rest from now on
  look(REST_LOOKS);
  expect(memory.collections).toBe(0);
  look(1);
  expect(memory.collections).toBe(1);
  memory.usedMiB += 10; // too little
  look(MIN_BETWEEN_MS / LOOK_MS);
  expect(memory.collections).toBe(1);
  memory.usedMiB += 10;
  look(1);
  expect(memory.collections).toBe(2);
  memory.usedMiB += 100; // too soon
  look(2 * REST_LOOKS);
  expect(memory.collections).toBe(2);
  stop();
  look(2 * (MIN_BETWEEN_MS / LOOK_MS));
  expect(memory.collections).toBe(2);
});

test('the process itself can be asked and collected', () => {
  const memory = processMemory();
  expect(memory.usedBytes()).toBeGreaterThan(MIB);
  expect(memory.cpuMs()).toBeGreaterThan(0);
  memory.collect();
});
