import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { TokenFile } from './token-file.ts';

describe('TokenFile', () => {
  it('holds a token, renews it before it expires, and tries again when that fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-token-'));
    const path = join(folder, 'token');
    const clock = manualClock();
    let issued = 0;
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await Promise.resolve();
    };
    const file = new TokenFile(
      path,
      undefined,
      async () => {
        issued++;
        if (issued === 2) throw new Error('no control plane');
        return { token: `token ${issued}`, expiresAtMs: clock.nowMs() + 3_600_000 };
      },
      clock,
    );
    await file.open();
    expect(readFileSync(path, 'utf8')).toBe('token 1');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    clock.advance(2_800_000);
    await settle();
    expect(issued).toBe(1);
    clock.advance(100_000);
    await settle();
    expect(readFileSync(path, 'utf8')).toBe('token 1');
    clock.advance(5_000);
    await settle();
    expect(readFileSync(path, 'utf8')).toBe('token 3');
    file.close();
    clock.advance(10_000_000);
    await settle();
    expect(issued).toBe(3);
    rmSync(folder, { recursive: true });
  });
});
