import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { buildCertificate } from '../../src/ca/certificate-builder.ts';
import { makeSerialHex } from '../../src/ca/issuer.ts';
import { makePrivateKeyPem, toSigningKey } from '../../src/ca/signing-key.ts';
import { runCaStatus } from '../../src/cli/ca-status.ts';
import type { Io } from '../../src/cli/io.ts';
import { type RunningControl, runControl } from '../../src/control/main.ts';
import type { CaReport } from '../../src/server/contract.ts';
import { temporaryFolder } from '../../src/testing/openssl.ts';

// The end of the CA comes near: the log says so, and so does weft ca status, whose exit code is for a script.

const DAY_MS = 24 * 3600 * 1000;
const LIFE_MS = 100 * DAY_MS;

let control: RunningControl | undefined;
afterEach(async () => {
  await control?.close();
  control = undefined;
});

it.each([
  [40, undefined, 0],
  [51, '50 %', 0],
  [76, '75 %', 0],
  [91, '90 %', 1],
] as const)('is told of with %i of 100 parts of its life over', async (percent, said, exitCode) => {
  using folder = temporaryFolder();
  const at = folder.path;
  await writeCacerts(join(at, 'cacerts'), Date.now() - (percent / 100) * LIFE_MS);
  mkdirSync(join(at, 'mesh'));
  const log: string[] = [];
  control = await runControl(
    {
      version: 'test',
      paths: [join(at, 'mesh')],
      keyDir: join(at, 'ca'),
      cacertsDir: join(at, 'cacerts'),
      trustDomain: 'cluster.local',
      secure: { host: '127.0.0.1', port: 0 },
      api: { host: '127.0.0.1', port: 0 },
    },
    { log: (line) => log.push(line) },
  );
  const api = `http://127.0.0.1:${control.apiPort}`;
  const text = await status(api, 'text');
  const json = await status(api, 'json');
  const { warnings } = JSON.parse(json.out) as CaReport;
  const expected = said === undefined ? [] : [`the signing CA has used ${said} of its life; it ends at `];
  for (const lines of [
    warnings,
    text.out.split('\n').flatMap((line) => /^warning: (.*)/.exec(line)?.[1] ?? []),
    log.flatMap((line) => /^ca: warning: (.*)/.exec(line)?.[1] ?? []),
  ])
    expect(lines.map((line) => line.replace(/\d{4}-.*/, ''))).toEqual(expected);
  expect([text.code, json.code]).toEqual([exitCode, exitCode]);
});

async function status(api: string, output: 'text' | 'json'): Promise<{ out: string; code: number }> {
  let out = '';
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (out += text),
    terminal: false,
    cwd: '/',
    env: {},
    stdin: async () => '',
  };
  return { code: await runCaStatus({ api, output }, io), out };
}

/** A root that signs itself, as old as is wanted. */
async function writeCacerts(folder: string, notBeforeMs: number): Promise<void> {
  const keyPem = makePrivateKeyPem();
  const root = await buildCertificate(
    {
      subject: 'CN=old root',
      publicKeyDer: createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
      serialHex: makeSerialHex(),
      notBeforeMs,
      notAfterMs: notBeforeMs + LIFE_MS,
      isCa: true,
      keyUsage: ['keyCertSign', 'cRLSign'],
      extendedKeyUsage: [],
    },
    { key: toSigningKey(createPrivateKey(keyPem), 'test') },
  );
  mkdirSync(folder);
  for (const name of ['ca-cert.pem', 'root-cert.pem']) writeFileSync(join(folder, name), root.toString());
  writeFileSync(join(folder, 'ca-key.pem'), keyPem, { mode: 0o600 });
}
