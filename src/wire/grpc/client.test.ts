import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GrpcClient } from './client.ts';
import { GRPC_CODE } from './status.ts';
import type { TestServer } from './test-server.ts';
import { clientOf, PATHS, startTestServer } from './test-server.ts';

describe('unary calls to a grpc-js server', () => {
  let peer: TestServer;
  let client: GrpcClient;

  beforeEach(async () => {
    peer = await startTestServer();
    client = clientOf(peer.port);
  });
  afterEach(() => {
    client.close();
    peer.server.forceShutdown();
  });

  it('brings a message there and back, with metadata both ways', async () => {
    const metadata = ['Authorization', 'Bearer t', 'x-bytes-bin', Buffer.from([0, 255]).toString('base64')];
    const result = await client.unary(PATHS.echo, Buffer.from('hello'), { metadata });
    expect(result.ok && Buffer.from(result.message).toString()).toBe('hello');
    expect(result.ok && result.headers).toContain('x-head');
    expect(result.ok && result.trailers).toEqual(['x-trail', 'end']);
    expect(peer.observed.metadata[0]?.get('authorization')).toEqual(['Bearer t']);
    expect(peer.observed.metadata[0]?.get('x-bytes-bin')).toEqual([Buffer.from([0, 255])]);
  });

  it('brings an empty message', async () => {
    const result = await client.unary(PATHS.echo, new Uint8Array(0));
    expect(result.ok && result.message.length).toBe(0);
  });

  it.each([1, 16_378, 16_379, 16_380, 65_535, 300_000, 20_000_000])(
    'brings %i bytes through both windows',
    async (size) => {
      const message = Buffer.alloc(size, 'weft');
      const result = await client.unary(PATHS.echo, message);
      expect(result.ok && message.equals(Buffer.from(result.message))).toBe(true);
    },
  );

  it('runs many calls at once on one connection, more than the server takes at a time', async () => {
    const results = await Promise.all(
      Array.from({ length: 500 }, (_, i) => client.unary(PATHS.echo, Buffer.from(`call ${i}`))),
    );
    expect(results.map((result) => result.ok && Buffer.from(result.message).toString())).toEqual(
      Array.from({ length: 500 }, (_, i) => `call ${i}`),
    );
  });

  it.each(
    Object.entries(status).filter(([, code]) => typeof code === 'number' && code > 0) as [string, number][],
  )('gives status %s as a value', async (_name, code) => {
    const request = Buffer.from(JSON.stringify({ code, message: 'no: 100 % ünmöglich' }));
    const result = await client.unary(PATHS.fail, request);
    expect(result.ok ? undefined : [result.error.code, result.error.message]).toEqual([
      code,
      'no: 100 % ünmöglich',
    ]);
  });

  it('gives UNIMPLEMENTED for a method that the server does not have', async () => {
    const result = await client.unary('/test.Echo/Nothing', Buffer.from('x'));
    expect(result.ok ? 0 : result.error.code).toBe(GRPC_CODE.UNIMPLEMENTED);
  });

  it('ends with DEADLINE_EXCEEDED, tells the server the deadline, and cancels there', async () => {
    const result = await client.unary(PATHS.hang, Buffer.from('x'), { timeoutMs: 50 });
    expect(result.ok ? 0 : result.error.code).toBe(GRPC_CODE.DEADLINE_EXCEEDED);
    const before = Date.now();
    await client.unary(PATHS.echo, Buffer.from('x'), { timeoutMs: 60_000 });
    const deadlineMs = Number(peer.observed.deadlines[0]);
    expect(deadlineMs).toBeGreaterThan(before + 50_000);
    expect(deadlineMs).toBeLessThan(before + 70_000);
    await expect.poll(() => peer.observed.cancelled).toBe(1);
  });

  it('ends with CANCELLED by its signal, before and during the call', async () => {
    const early = await client.unary(PATHS.echo, Buffer.from('x'), { signal: AbortSignal.abort() });
    expect(early.ok ? 0 : early.error.code).toBe(GRPC_CODE.CANCELLED);
    const controller = new AbortController();
    const result = client.unary(PATHS.hang, Buffer.from('x'), { signal: controller.signal });
    await client.unary(PATHS.echo, Buffer.from('x'));
    controller.abort();
    const late = await result;
    expect(late.ok ? 0 : late.error.code).toBe(GRPC_CODE.CANCELLED);
    await expect.poll(() => peer.observed.cancelled).toBe(1);
  });

  it('ends with RESOURCE_EXHAUSTED for messages beyond the limits', async () => {
    const small = clientOf(peer.port, { maxReceiveMessageBytes: 100 });
    const received = await small.unary(PATHS.echo, Buffer.alloc(101));
    expect(received.ok ? 0 : received.error.code).toBe(GRPC_CODE.RESOURCE_EXHAUSTED);
    small.close();
    const frugal = clientOf(peer.port, { maxSendMessageBytes: 100 });
    const sent = await frugal.unary(PATHS.echo, Buffer.alloc(101));
    expect(sent.ok ? 0 : sent.error.code).toBe(GRPC_CODE.RESOURCE_EXHAUSTED);
    frugal.close();
  });

  it('ends open and later calls with CANCELLED when closed', async () => {
    const open = client.unary(PATHS.hang, Buffer.from('x'));
    await client.unary(PATHS.echo, Buffer.from('x'));
    client.close();
    const results = [await open, await client.unary(PATHS.echo, Buffer.from('x'))];
    expect(results.map((result) => (result.ok ? 0 : result.error.code))).toEqual([1, 1]);
  });
});
