import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerDns } from './dns-answer.ts';

const names: Record<string, string[]> = {
  'reviews.default.svc.cluster.local': ['10.96.4.4'],
  'many.default.svc.cluster.local': Array.from({ length: 100 }, (_, i) => `10.244.1.${i}`),
  'none.default.svc.cluster.local': [],
};

describe('answerDns, asked by a real resolver', () => {
  const socket = createSocket('udp4');
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  beforeAll(async () => {
    socket.on('message', (query, from) => {
      const answer = answerDns(query, (name) => names[name]);
      if (answer !== undefined) socket.send(answer, from.port, from.address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  });
  afterAll(() => {
    socket.close();
  });

  it('knows names, whatever their case', async () => {
    expect(await resolver.resolve4('reviews.default.svc.cluster.local')).toEqual(['10.96.4.4']);
    expect(await resolver.resolve4('Reviews.Default.svc.cluster.LOCAL')).toEqual(['10.96.4.4']);
  });

  it('says so when there is no such name, and when a name has no address of the family', async () => {
    await expect(resolver.resolve4('nothing.default.svc.cluster.local')).rejects.toThrow('ENOTFOUND');
    await expect(resolver.resolve6('reviews.default.svc.cluster.local')).rejects.toThrow('ENODATA');
    await expect(resolver.resolve4('none.default.svc.cluster.local')).rejects.toThrow('ENODATA');
  });

  it('cuts long answers to what fits in 512 bytes', async () => {
    const addresses = await resolver.resolve4('many.default.svc.cluster.local');
    expect(addresses.length).toBeGreaterThan(20);
    expect(addresses.length).toBeLessThan(30);
  });
});

describe('answerDns, given anything', () => {
  it('never throws, and answers only queries, with their id', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const answer = answerDns(bytes, () => ['10.0.0.1']);
        if (answer === undefined) return;
        expect([...answer.subarray(0, 2)]).toEqual([...bytes.subarray(0, 2)]);
        expect((answer[2] ?? 0) & 0x80).toBe(0x80);
      }),
    );
  });
});
