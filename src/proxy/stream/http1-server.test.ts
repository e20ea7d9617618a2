import { afterEach, expect, it } from 'vitest';
import {
  closeAll,
  openRaw,
  routesOf,
  startRawUpstream,
  startTestProxy,
  staticCluster,
} from '../test-proxy.ts';

afterEach(closeAll);

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A proxy before an upstream that answers its n-th complete request with the n-th of these, then with the last. */
async function proxyBefore(...answers: readonly (string | 'close')[]) {
  const heard: string[] = [];
  const upstream = await startRawUpstream((socket) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!/\r\n\r\n$/.test(text)) return;
      heard.push(text);
      text = '';
      const answer = answers[Math.min(heard.length, answers.length) - 1] as string;
      if (answer === 'close') socket.destroy();
      else socket.write(answer, 'latin1');
    });
  });
  const proxy = await startTestProxy({
    clusters: [staticCluster('up', [upstream.port])],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'up' } }),
  });
  return { heard, client: await openRaw(proxy.port) };
}

it('a request whose trailers come in two packets is read to its end', async () => {
  const { client, heard } = await proxyBefore(OK);
  client.socket.write('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Su');
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.socket.write('m: 1\r\n\r\n');
  expect(await client.read(/ok$/)).toMatch(/^HTTP\/1\.1 200/);
  expect(heard[0]).toMatch(/1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n$/);
});

it('a bad request behind a good one does not take the good one’s answer away', async () => {
  const { client } = await proxyBefore(OK);
  client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nno request\r\n\r\n');
  const text = await client.read(/<end>/);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*okHTTP\/1\.1 400 Bad Request[\s\S]*\r\nserver: envoy\r\n/);
});

it('bytes behind an answer are not taken for the next answer', async () => {
  const { client, heard } = await proxyBefore(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, OK);
  client.socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.read(/ok$/);
  client.socket.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await client.read(/(ok|evil|\}|\.)$/)).toMatch(/ok$/);
  expect(heard).toHaveLength(2);
});

it('after a request with a body that was tried twice, the next one is served', async () => {
  const { client, heard } = await proxyBefore(OK, 'close', OK);
  client.socket.write('GET /warm HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.read(/ok$/);
  const put = 'PUT /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n';
  client.socket.write(`${put}GET /3 HTTP/1.1\r\nHost: a\r\n\r\n`);
  await client.read(/ok[\s\S]*ok$/);
  expect(heard.map((text) => text.slice(0, 7))).toEqual(['GET /wa', 'PUT /2 ', 'PUT /2 ', 'GET /3 ']);
});

it('what an answer announces after 204 is refused, and a length of nothing is left out', async () => {
  const { client } = await proxyBefore(
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n',
  );
  client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await client.read(/\r\n\r\n/)).not.toMatch(/content-length/i);
  client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await client.read(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 502/);
});
