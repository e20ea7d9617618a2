import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { createLastGoodFile, type LastGood } from './last-good.ts';

const state: LastGood = {
  names: [['t', ['a', 'b']]],
  resources: [{ typeUrl: 't', name: 'a', version: '1', value: new Uint8Array([0, 255, 7]) }],
  credentials: { chainPem: 'c', privateKeyPem: 'k', rootsPem: 'r', receivedAtMs: 1, notAfterMs: 2 },
};

function open(folder: string, node = 'sidecar~a') {
  const clock = manualClock();
  const warnings: string[] = [];
  const file = createLastGoodFile(
    folder,
    node,
    () => state,
    clock,
    (_level, message) => warnings.push(message),
  );
  return { clock, file, warnings };
}

describe('the last good configuration', () => {
  it('is written once for changes that follow closely, readable by its owner only, and read back as it was', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'weft-good-')), 'cache');
    const { clock, file } = open(folder);
    file.changed();
    file.changed();
    expect(open(folder).file.read()).toBeUndefined();
    clock.advance(501);
    expect(open(folder).file.read()).toEqual(state);
    expect(statSync(join(folder, 'last-good.json')).mode & 0o777).toBe(0o600);
  });

  it('is written at once when the proxy stops', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-good-'));
    const { file } = open(folder);
    file.changed();
    file.flush();
    expect(open(folder).file.read()).toEqual(state);
  });

  it('of another proxy, or damaged, is as good as none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-good-'));
    const { file } = open(folder);
    file.changed();
    file.flush();
    expect(open(folder, 'sidecar~b').file.read()).toBeUndefined();
    const path = join(folder, 'last-good.json');
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 40));
    expect(open(folder).file.read()).toBeUndefined();
  });

  it('that cannot be written is a warning, not an end', () => {
    const { file, warnings } = open('/dev/null/nowhere');
    file.changed();
    file.flush();
    expect(warnings[0]).toContain('/dev/null/nowhere/last-good.json');
  });
});
