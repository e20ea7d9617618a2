import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { typeUrls } from '../../xds/resources.ts';
import { followRest } from './rest-source.ts';

const response = (version: string, ...names: string[]): string =>
  JSON.stringify({
    version_info: version,
    resources: names.map((name) => ({ '@type': typeUrls.route, name })),
  });

/** A server that gives these answers one after the other, then nothing new. */
function followed(answers: (string | Error)[], names: string[]) {
  const clock = manualClock();
  const asked: { path: string; version_info: string; resource_names: string[] }[] = [];
  const received: string[][] = [];
  const said: string[] = [];
  const end = followRest({
    cluster: 'xds',
    refreshMs: 1000,
    timeoutMs: 500,
    typeUrl: typeUrls.route,
    node: { id: 'a' },
    clock,
    names: () => names,
    async post(_cluster, path, body) {
      asked.push({ path, ...JSON.parse(body) });
      const answer = answers.shift() ?? '';
      if (answer instanceof Error) throw answer;
      return answer;
    },
    digest: (bytes) => String(bytes.length),
    receive: (resources) => void received.push(resources.map(({ name }) => name)),
    log: (_level, message) => void said.push(message),
  });
  const poll = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    clock.advance(1000);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { asked, received, said, poll, end, clock };
}

describe('a REST source', () => {
  it('is asked with the version that holds, and anew for other names', async () => {
    const names = ['a'];
    const { asked, received, poll } = followed([response('1', 'a'), '', response('1', 'b')], names);
    await poll();
    names[0] = 'b';
    await poll();
    expect(
      asked.map(({ path, version_info, resource_names }) => [path, version_info, resource_names]),
    ).toEqual([
      ['/v3/discovery:routes', '', ['a']],
      ['/v3/discovery:routes', '1', ['a']],
      ['/v3/discovery:routes', '', ['b']],
    ]);
    expect(received).toEqual([['a'], ['b']]);
  });

  it('that fails leaves what holds, is told of once, and is asked again', async () => {
    const { received, said, poll } = followed(
      [new Error('away'), new Error('away'), response('1', 'a'), '{"resources":[{"@type":"x"}]}'],
      [],
    );
    for (let i = 0; i < 4; i++) await poll();
    expect(received).toEqual([['a']]);
    expect(said).toEqual([expect.stringContaining('away'), expect.stringContaining('resources[0] is a x')]);
  });

  it('is not asked any more after its end', async () => {
    const { asked, poll, end, clock } = followed([response('1', 'a')], []);
    await poll();
    end();
    await poll();
    expect(asked.length).toBe(2);
    expect(clock.pending()).toBe(0);
  });
});
