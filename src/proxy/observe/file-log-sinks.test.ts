import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogSinks } from './file-log-sinks.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const entries = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${String(i).padStart(99, '.')}\n`);

describe('a log file', () => {
  it('gets all entries in order, however many come before the disk has taken the first', async () => {
    const sinks = createLogSinks(systemClock);
    const sink = sinks.open(join(folder, 'a'));
    const all = [...entries(30_000), `${'long'.repeat(50_000)}\n`, ...entries(3)];
    for (const entry of all) sink.write(entry);
    await sinks.flush();
    expect(readFileSync(join(folder, 'a'), 'latin1')).toBe(all.join(''));
    expect(sink.droppedEntries).toBe(0);
  });

  it('drops and counts what is more than may wait', async () => {
    const sinks = createLogSinks(systemClock);
    const sink = sinks.open(join(folder, 'a'));
    const all = entries(100_000); // 10 MB without a chance to write
    for (const entry of all) sink.write(entry);
    await sinks.flush();
    const written = readFileSync(join(folder, 'a')).length / 100;
    expect(written + sink.droppedEntries).toBe(all.length);
    expect(sink.droppedEntries).toBeGreaterThan(0);
    sink.write('again\n');
    await sinks.flush();
    expect(readFileSync(join(folder, 'a'), 'latin1').endsWith('\nagain\n')).toBe(true);
  });

  it('is opened anew after a rotation, under a write too', async () => {
    const sinks = createLogSinks(systemClock);
    const path = join(folder, 'a');
    const sink = sinks.open(path);
    const before = entries(3000);
    for (const entry of before) sink.write(entry);
    renameSync(path, join(folder, 'old'));
    sinks.reopen();
    await sinks.flush();
    sink.write('new\n');
    await sinks.flush();
    const both = readFileSync(join(folder, 'old'), 'latin1') + readFileSync(path, 'latin1');
    expect(both).toBe(`${before.join('')}new\n`);
    expect(readFileSync(path, 'latin1').endsWith('new\n')).toBe(true);
  });
});
