import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tokenFor } from './api-client.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-token-'));
  mkdirSync(join(folder, 'weft'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ask = (url: string, env: NodeJS.ProcessEnv = {}) =>
  tokenFor(new URL(url), { XDG_CACHE_HOME: folder, ...env })?.text;

it('the token of a run is found by the port of its API, where it is ours alone', () => {
  const file = join(folder, 'weft', 'api-20001.token');
  writeFileSync(file, 'secret\n', { mode: 0o600 });
  expect(ask('http://127.0.0.1:20001')).toBe('secret');
  expect(ask('http://localhost:20001/api/status')).toBe('secret');
  expect(ask('http://127.0.0.1:20002')).toBeUndefined();
  chmodSync(file, 0o644);
  expect(ask('http://127.0.0.1:20001')).toBeUndefined();
});

it('no token goes to another machine in plain text, and none of a file at all', () => {
  const env = { WEFT_API_TOKEN: 'given' };
  writeFileSync(join(folder, 'weft', 'api-443.token'), 'secret', { mode: 0o600 });
  expect(ask('http://mesh.example', env)).toBeUndefined();
  expect(ask('http://127.0.0.1.evil.example:20001', env)).toBeUndefined();
  expect(ask('https://mesh.example', env)).toBe('given');
  expect(ask('https://mesh.example')).toBeUndefined();
  expect(ask('http://127.0.0.1:20001', env)).toBe('given');
});
