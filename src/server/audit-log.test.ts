import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AUDIT_LIMITS, openAuditLog } from './audit-log.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-audit-'));
  file = join(folder, 'audit.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fail = (error: unknown): void => {
  throw error;
};

it('changes are written down, one JSON line each, for nobody else to read', () => {
  writeFileSync(file, 'before\n', { mode: 0o644 });
  const log = openAuditLog(file, () => 0, fail);
  log.record({ who: 'a', what: 'rotate\nx', outcome: 'done', detail: 'x'.repeat(5000) });
  const [first, second, end] = readFileSync(file, 'utf8').split('\n');
  expect([first, end]).toEqual(['before', '']);
  const entry = JSON.parse(second ?? '');
  expect(entry).toMatchObject({
    time: '1970-01-01T00:00:00.000Z',
    who: 'a',
    what: 'rotate\nx',
    outcome: 'done',
  });
  expect(entry.detail).toHaveLength(AUDIT_LIMITS.maxText);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('a full file is put aside, and the oldest goes', () => {
  const log = openAuditLog(file, () => 0, fail, { maxFileBytes: 200, keptFiles: 2, maxText: 50 });
  for (let i = 0; i < 20; i++) log.record({ who: `user-${i}`, what: 'x', outcome: 'done' });
  expect(readFileSync(file, 'utf8')).toContain('user-19');
  for (const one of [file, `${file}.1`, `${file}.2`]) {
    expect(statSync(one).size).toBeLessThanOrEqual(200);
    expect(statSync(one).mode & 0o777).toBe(0o600);
  }
  expect(existsSync(`${file}.3`)).toBe(false);
});

it('a disk that fails holds nobody up, and is told of once', () => {
  const errors: unknown[] = [];
  const log = openAuditLog(
    file,
    () => 0,
    (error) => errors.push(error),
  );
  rmSync(folder, { recursive: true });
  for (let i = 0; i < 3; i++) log.record({ who: 'a', what: 'x', outcome: 'done' });
  expect(errors).toHaveLength(1);
});
