import { describe, expect, it } from 'vitest';
import { parseWorkloadConfig, workloadName } from './workload-config.ts';

const good = {
  namespace: 'default',
  pod: 'web-1',
  socketPath: '/run/web.sock',
  tokenFile: 'token',
  controlAddress: '127.0.0.1:15012',
  caRoot: 'roots.pem',
  cacheDir: 'cache',
};

describe('the file of a workload', () => {
  it('says what is needed, and leaves out what goes without saying', () => {
    const config = parseWorkloadConfig(JSON.stringify(good));
    expect(config).toMatchObject({ serviceAccount: 'default', trustDomain: 'cluster.local' });
    expect(config.serverName).toBe('istiod.istio-system.svc');
    expect(workloadName(config)).toBe('web-1.default');
  });

  it('is refused with the field that is wrong', () => {
    const wrong: readonly [object, RegExp][] = [
      [{ namespace: '../x' }, /^namespace: /],
      [{ pod: 'a/b' }, /^pod: /],
      [{ socketPath: 'relative' }, /^socketPath: /],
      [{ controlAddress: 'host' }, /^controlAddress: /],
      [{ certificateTtlS: 0 }, /^certificateTtlS: /],
      [{ surprise: 1 }, /surprise/],
    ];
    for (const [change, sentence] of wrong) {
      expect(() => parseWorkloadConfig(JSON.stringify({ ...good, ...change }))).toThrow(sentence);
    }
    expect(() => parseWorkloadConfig('{')).toThrow();
    expect(() => parseWorkloadConfig(' '.repeat(100_000))).toThrow(/longer than/);
  });
});
