/** Key sets over real HTTP: an issuer that rotates its keys, goes away, talks nonsense and comes back. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cidr, parseCidr } from '../../lib/cidr.ts';
import { type ManualClock, manualClock } from '../../lib/manual-clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { keySetFetcher } from './fetch-key-set.ts';
import { FIRST_RETRY_MS, KeySets, REFRESH_MS } from './key-sets.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Issuer {
  uri: string;
  status: number;
  body: string;
  asked: number;
}

async function issuer(): Promise<Issuer> {
  const one: Issuer = { uri: '', status: 200, body: '{"keys":[{"kid":"1"}]}', asked: 0 };
  const server: Server = createServer((_, response) => {
    one.asked++;
    response.writeHead(one.status);
    response.end(one.body);
  });
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  one.uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  return one;
}

function keySetsOf(uri: string): { keySets: KeySets; clock: ManualClock } {
  const clock = manualClock();
  const fetch = keySetFetcher([parseCidr('127.0.0.0/8') as Cidr]);
  const shelf = { read: () => new Map(), write: () => {} };
  const keySets = new KeySets({ clock, random: seededRandom(1), fetch, shelf }, () => {});
  closers.push(() => keySets.stop());
  keySets.want(new Map([[uri, 2000]]));
  return { keySets, clock };
}

const LIMIT_MS = 10_000;
async function eventually(holds: () => boolean): Promise<void> {
  for (const untilMs = Date.now() + LIMIT_MS; !holds(); ) {
    if (Date.now() > untilMs) throw new Error('it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the keys of an issuer', () => {
  it('are its newest after a while, without anybody waiting for them', async () => {
    const one = await issuer();
    const { keySets, clock } = keySetsOf(one.uri);
    await eventually(() => keySets.current.get(one.uri)?.keys === one.body);
    one.body = '{"keys":[{"kid":"2"}]}';
    clock.advance(REFRESH_MS / 2);
    expect(one.asked).toBe(1);
    clock.advance(REFRESH_MS);
    await eventually(() => keySets.current.get(one.uri)?.keys === one.body);
    expect(one.asked).toBe(2);
  });

  it('stay the last good ones, with their age, whatever it says instead', async () => {
    const one = await issuer();
    const { keySets, clock } = keySetsOf(one.uri);
    const first = one.body;
    await eventually(() => keySets.current.get(one.uri)?.keys === first);
    const broken: readonly (readonly [number, string, RegExp])[] = [
      [500, '', /status 500/],
      [302, '', /status 302/],
      [200, '<html>', /JSON/],
      [200, '{"keys":[]}', /without keys/],
    ];
    let waitMs = REFRESH_MS * 1.2;
    for (const [status, body, problem] of broken) {
      one.status = status;
      one.body = body;
      clock.advance(waitMs);
      await eventually(() => problem.test(keySets.current.get(one.uri)?.problem ?? ''));
      expect(keySets.current.get(one.uri)).toEqual({
        keys: first,
        problem: expect.stringMatching(/the keys of \d{4}-\d\d-\d\dT.* stay in use/),
      });
      // Twice as long after each failure.
      waitMs = waitMs > FIRST_RETRY_MS * 100 ? FIRST_RETRY_MS * 1.2 : waitMs * 2;
    }
    one.status = 200;
    one.body = '{"keys":[{"kid":"3"}]}';
    clock.advance(FIRST_RETRY_MS * 20);
    await eventually(() => keySets.current.get(one.uri)?.keys === one.body);
    expect(keySets.current.get(one.uri)?.problem).toBe('');
  });

  it('that nobody could fetch are none, and tokens of theirs are refused', async () => {
    const one = await issuer();
    one.status = 404;
    const { keySets } = keySetsOf(one.uri);
    await eventually(() => /404/.test(keySets.current.get(one.uri)?.problem ?? ''));
    expect(keySets.current.get(one.uri)?.keys).toBeUndefined();
  });
});
