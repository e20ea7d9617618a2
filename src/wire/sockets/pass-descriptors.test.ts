import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fdOf } from './bind.ts';
import { descriptorPassing, MAX_DESCRIPTORS } from './pass-descriptors.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-descriptors-'));
const cleanups: (() => void)[] = [() => rmSync(folder, { recursive: true })];
afterAll(() => {
  for (const cleanup of cleanups.reverse()) cleanup();
});

describe.runIf(process.platform === 'linux')('descriptors over a Unix socket', () => {
  it('arrive with their bytes, as many as one message takes, and are the same files', async () => {
    const { from, to } = await pair();
    const path = join(folder, 'file');
    writeFileSync(path, 'x');
    const fd = openSync(path, 'r');
    const passing = descriptorPassing();
    expect(passing.receive(to)).toBeUndefined();
    expect(passing.send(from, Buffer.from('two'), [fd, fd])).toBe(true);
    const two = passing.receive(to);
    expect(String(two?.bytes)).toBe('two');
    expect(two?.fds).toHaveLength(2);
    for (const received of two?.fds ?? []) {
      expect(fstatSync(received).ino).toBe(fstatSync(fd).ino);
      closeSync(received);
    }
    expect(passing.send(from, Buffer.from('many'), Array(MAX_DESCRIPTORS).fill(fd))).toBe(true);
    const many = passing.receive(to);
    expect(many?.fds).toHaveLength(MAX_DESCRIPTORS);
    for (const received of many?.fds ?? []) closeSync(received);
    expect(passing.send(from, Buffer.from('none'), [])).toBe(true);
    expect(passing.receive(to)).toEqual({ bytes: Buffer.from('none'), fds: [] });
    closeSync(fd);
  });

  it('tell when the other end is gone', async () => {
    const { to, close } = await pair();
    close();
    await expect
      .poll(() => {
        try {
          return String(descriptorPassing().receive(to));
        } catch (error) {
          return (error as Error).message;
        }
      })
      .toBe('the other process has gone');
  });
});

let sockets = 0;

/** Two ends that Node does not read. */
async function pair(): Promise<{ from: number; to: number; close(): void }> {
  const path = join(folder, `${sockets++}.sock`);
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect(path);
  client.pause();
  const socket = await accepted;
  cleanups.push(() => {
    for (const one of [client, socket]) one.destroy();
    server.close();
  });
  const fd = (one: Socket) => fdOf((one as unknown as { _handle: object })._handle);
  return { from: fd(socket), to: fd(client), close: () => void socket.destroy() };
}
