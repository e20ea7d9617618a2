import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NODE_OPTIONS_FOR_FETCH } from './node-fetch.ts';

const run = promisify(execFile);
const seen: string[] = [];
const proxy = createServer((request, response) => {
  seen.push(`${request.method} ${request.url} of ${request.headers.host}`);
  request.pipe(response);
});

describe('a Node program on a shared network', () => {
  beforeAll(() => new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const env = (): Record<string, string> => {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const found = {
      HTTP_PROXY: url,
      http_proxy: url,
      NO_PROXY: 'localhost,127.0.0.1',
      NODE_USE_ENV_PROXY: '1',
    };
    return { ...found, NODE_OPTIONS: NODE_OPTIONS_FOR_FETCH };
  };

  it('sends requests of fetch and of http to its proxy as requests, not as tunnels', async () => {
    const program = `
      const post = { method: 'POST', body: 'hello', headers: { 'x-a': '1' } };
      console.log(await (await fetch('http://reviews:9080/a?b=c', post)).text());
      const http = await import('node:http');
      await new Promise((done) => http.get('http://ratings:9080/d', (answer) => answer.resume().on('end', done)));
    `;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      env: env(),
      timeout: 10_000,
    });
    expect(stdout).toBe('hello\n');
    expect(seen).toEqual([
      'POST http://reviews:9080/a?b=c of reviews:9080',
      'GET http://ratings:9080/d of ratings:9080',
    ]);
  });

  it('goes straight to addresses of this machine', async () => {
    seen.length = 0;
    const program = `await (await fetch(process.env.HTTP_PROXY + '/direct')).text()`;
    await run(process.execPath, ['--input-type=module', '-e', program], { env: env(), timeout: 10_000 });
    expect(seen).toEqual([expect.stringMatching(/^GET \/direct of 127/)]);
  });
});
