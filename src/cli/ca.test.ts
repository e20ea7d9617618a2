import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/openssl.ts';
import { addCaCommand, hostAndPort } from './ca.ts';
import type { Io } from './io.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const script = `
  import { Command } from 'commander';
  import { addCaCommand } from './ca.ts';
  import { processIo } from './io.ts';
  const program = new Command('weft');
  addCaCommand(program, processIo());
  await program.parseAsync();
`;

describe('weft ca', () => {
  it('serves until SIGTERM, then ends well', async () => {
    using folder = temporaryFolder();
    const roots = join(folder.path, 'roots.pem');
    const flags = ['--key-dir', join(folder.path, 'ca'), '--listen', '127.0.0.1:0', '--roots-file', roots];
    const node = ['--input-type=module-typescript', '-e', script, '--', 'ca', ...flags];
    const child = spawn(process.execPath, node, { cwd: here, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    try {
      const line = await new Promise<string>((resolve) => {
        child.stdout.on('data', (bytes: Buffer) => resolve(bytes.toString()));
        child.on('exit', (code) => resolve(`ended with ${code}`));
      });
      expect(line).toMatch(/^CA of cluster\.local serves on 127\.0\.0\.1:\d+\n$/);
      expect(existsSync(roots)).toBe(true);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toBe(0);
  });

  it('says in a sentence what is wrong with its files', async () => {
    using folder = temporaryFolder();
    const { err, exitCode } = await run(['ca', '--key-dir', folder.path, '--cacerts', folder.path]);
    expect(err).toBe(`weft ca: ${folder.path} must hold ca-cert.pem, ca-key.pem and root-cert.pem\n`);
    expect(exitCode).toBe(1);
  });

  it('writes a token into a file for its owner alone, never over one that is there', async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, 'token');
    const args = ['ca', 'token', 'create', '--key-dir', join(folder.path, 'ca'), '--workload', 'vms/db-1'];
    expect(await run([...args, '--out', out])).toEqual({ err: '', exitCode: 0 });
    expect(readFileSync(out, 'utf8')).toMatch(/^weft-join\.[0-9a-f]{16}\.[\w-]{43}\n$/);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect((await run([...args, '--out', out])).exitCode).toBe(1);
  });

  it('asks for a rotation in the folder that is named behind the command', async () => {
    using folder = temporaryFolder();
    const { err, exitCode } = await run(['ca', 'rotate', '--key-dir', folder.path]);
    expect([err, exitCode]).toEqual([`weft ca rotate: ${folder.path} holds no CA that has served\n`, 1]);
  });

  it.each([
    [['ca']],
    [['ca', '--key-dir', 'x', '--listen', 'nowhere']],
    [['ca', '--key-dir', 'x', '--listen', '1.2.3.4:70000']],
    [['ca', '--key-dir', 'x', '--trust-domain', 'Upper/Case']],
  ])('refuses wrong use: %j', async (args) => {
    await expect(run(args)).rejects.toMatchObject({ name: 'CommanderError' });
  });

  it('reads addresses of every family', () => {
    expect(hostAndPort('127.0.0.1:15012')).toEqual({ host: '127.0.0.1', port: 15012 });
    expect(hostAndPort('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(hostAndPort(':15012')).toEqual({ host: '0.0.0.0', port: 15012 });
  });
});

async function run(args: readonly string[]): Promise<{ err: string; exitCode: unknown }> {
  let err = '';
  const before = process.exitCode;
  const io: Io = {
    out: () => {},
    err: (text) => {
      err += text;
    },
    terminal: false,
    cwd: here,
    env: {},
    stdin: async () => '',
  };
  // As main.ts makes it: options belong to the command they stand behind.
  const program = quiet(new Command('weft').enablePositionalOptions());
  addCaCommand(program, io, () => AbortSignal.abort());
  quietBelow(program);
  process.exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
    return { err, exitCode: process.exitCode };
  } finally {
    process.exitCode = before;
  }
}

function quiet(command: Command): Command {
  return command.exitOverride().configureOutput({ writeErr: () => {} });
}

function quietBelow(command: Command): void {
  for (const one of command.commands) {
    quiet(one);
    quietBelow(one);
  }
}
