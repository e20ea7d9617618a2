import type { lookup } from 'node:dns';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cidr, parseCidr } from '../../lib/cidr.ts';
import { keySetFetcher } from './fetch-key-set.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
}

const EVERYTHING = ['0.0.0.0/0', '::/0'].map((text) => parseCidr(text) as Cidr);

/** A resolver that has these addresses for every name. */
function named(addresses: readonly string[]): typeof lookup {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const resolve = (_name: string, _options: object, found: (error: null, all: object) => void): void =>
    void process.nextTick(() => found(null, all));
  return resolve as unknown as typeof lookup;
}

const loopback = [parseCidr('127.0.0.0/8') as Cidr];

describe('fetching a key set', () => {
  it('gives its text', async () => {
    const uri = await serving((_, response) => response.end('{"keys":[{}]}'));
    expect(await keySetFetcher(loopback)(uri, 5000)).toBe('{"keys":[{}]}');
  });

  it.each([
    ['an answer that is no success', 404, '{"keys":[{}]}', /status 404/],
    ['a redirect', 302, '', /status 302/],
    ['what is no JSON', 200, '<html>', /JSON/],
    ['another JSON', 200, '{"a":1}', /Web Key Set/],
    ['a set of nothing', 200, '{"keys":[]}', /without keys/],
    ['too much', 200, `{"keys":[${' '.repeat(600_000)}{}]}`, /larger than/],
  ])('refuses %s', async (_, status, body, message) => {
    const uri = await serving((_request, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:1/' });
      response.end(body);
    });
    await expect(keySetFetcher(loopback)(uri, 5000)).rejects.toThrow(message);
  });

  it.each([
    'http://127.0.0.1:1/keys',
    'http://10.1.2.3/keys',
    'http://[::1]/keys',
    'http://[::ffff:169.254.169.254]/keys',
    'http://localhost:1/keys',
    'http://2130706433/keys',
    'http://0x7f.1/keys',
    'http://017700000001/keys',
    'http://0/keys',
    'http://[::]/keys',
    'http://[64:ff9b::7f00:1]/keys',
    'http://[2002:7f00:1::]/keys',
    'http://[fe80::1]/keys',
    'http://user:secret@127.0.0.1/keys',
    'https://192.168.0.1/keys',
  ])('asks nobody at a private address: %s', async (uri) => {
    await expect(keySetFetcher([])(uri, 5000)).rejects.toThrow(/is a private address/);
  });

  it.each([
    'http://169.254.169.254/latest',
    'http://0xa9fea9fe/latest',
    'http://[::ffff:a9fe:a9fe]/latest',
    'http://169.254.170.2/v2/credentials',
    'http://100.100.100.200/latest',
    'http://168.63.129.16/machine',
    'http://[fd00:ec2::254]/latest',
    'http://[fd20:ce::254]/latest',
  ])('asks no metadata server, whatever is allowed: %s', async (uri) => {
    await expect(keySetFetcher(EVERYTHING)(uri, 5000)).rejects.toThrow(/private/);
  });

  it.each([
    ['a private address', ['127.0.0.1']],
    ['a metadata server', ['169.254.169.254']],
    ['one of both', ['8.8.8.8', '169.254.169.254']],
    ['one that is mapped', ['::ffff:169.254.169.254']],
  ])('asks nobody whose name leads to %s', async (_, addresses) => {
    await expect(keySetFetcher([], named(addresses))('http://keys.example.com/', 5000)).rejects.toThrow(
      /is a private address/,
    );
  });

  it('calls the very address that was looked at, however the name resolves the next time', async () => {
    let asked = 0;
    const uri = await serving((_, response) => response.end('{"keys":[{}]}'));
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    const changing = ((...args: Parameters<typeof lookup>) =>
      (named(answers[asked++] ?? []) as (...all: unknown[]) => void)(...args)) as typeof lookup;
    const fetch = keySetFetcher(loopback, changing);
    const port = new URL(uri).port;
    expect(await fetch(`http://keys.example.com:${port}/`, 5000)).toBe('{"keys":[{}]}');
    await expect(fetch(`http://keys.example.com:${port}/`, 5000)).rejects.toThrow(/private/);
    expect(asked).toBe(2);
  });

  it('follows no redirect to a metadata server', async () => {
    const uri = await serving((_request, response) => {
      response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data/' });
      response.end();
    });
    await expect(keySetFetcher(EVERYTHING)(uri, 5000)).rejects.toThrow(/status 307/);
  });

  it('does not wait for ever', async () => {
    const uri = await serving(() => {});
    await expect(keySetFetcher(loopback)(uri, 100)).rejects.toThrow(/no answer within 100 ms/);
  });
});
