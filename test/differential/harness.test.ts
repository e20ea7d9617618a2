import { afterAll, expect, it } from 'vitest';
import { type Pair, run, startPair } from './harness.ts';
import { httpBootstrap } from './http-bootstrap.ts';

let pair: Pair | undefined;
afterAll(() => pair?.stop());

it('both proxies start from one bootstrap, and every byte of a request and its answer is kept', async (test) => {
  pair = await startPair(httpBootstrap());
  if (pair === undefined) return test.skip('there is no Envoy: set WEFT_ENVOY');
  const one = {
    pieces: ['POST /a HTTP/1.1\r\nHost: h\r\nX-Odd: 1\r\nContent-', 'Length: 3\r\n\r\na', 'bc'],
    methods: ['POST'],
    answers: [{ bytes: 'HTTP/1.1 200 Fine\r\nX-Up: 1\r\nContent-Length: 2\r\n\r\nok', split: 9 }],
  };
  for (const side of [pair.envoy, pair.weft]) {
    const { client, upstream } = await run(side, 0, one, 1000);
    expect(client.connection).toBe('open');
    expect(client.responses[0]).toMatchObject({ body: 'ok', framing: 'length', complete: true });
    expect(client.responses[0]?.head).toMatch(/^HTTP\/1\.1 200 Fine\r\nX-Up: 1\r\nContent-Length: 2\r\n/);
    expect(upstream.requests[0]).toMatchObject({ body: 'abc', framing: 'length', complete: true });
    expect(upstream.requests[0]?.head).toMatch(/^POST \/a HTTP\/1\.1\r\nHost: h\r\nX-Odd: 1\r\n/);
  }
});
