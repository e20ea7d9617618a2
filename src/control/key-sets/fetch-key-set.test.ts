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
  ])('asks nobody at a private address: %s', async (uri) => {
    await expect(keySetFetcher([])(uri, 5000)).rejects.toThrow(/is a private address/);
  });

  it('asks no metadata server, whatever is allowed', async () => {
    const everything = [parseCidr('0.0.0.0/0') as Cidr];
    await expect(keySetFetcher(everything)('http://169.254.169.254/latest', 5000)).rejects.toThrow(/private/);
  });

  it('does not wait for ever', async () => {
    const uri = await serving(() => {});
    await expect(keySetFetcher(loopback)(uri, 100)).rejects.toThrow(/no answer within 100 ms/);
  });
});
