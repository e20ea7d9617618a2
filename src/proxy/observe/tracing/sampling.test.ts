import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../lib/random.ts';
import { decide, type Sampling, withoutReason } from './sampling.ts';

const ALL: Sampling = {
  client: 10_000,
  random: 10_000,
  overall: 10_000,
  byRequestId: true,
  packsReason: true,
};
/** Its first digits draw 0x00000005 % 10,000 = 5. */
const ID = '00000005-0000-4000-8000-000000000000';

function decided(headers: string[], sampling: Partial<Sampling> = {}) {
  const reason = decide(headers, { ...ALL, ...sampling }, seededRandom(1));
  return [reason, headers[headers.indexOf('x-request-id') + 1]];
}

describe('which requests are recorded', () => {
  it('the id draws, and carries the decision from then on', () => {
    expect(decided(['x-request-id', ID], { random: 6 })).toEqual(['sampling', ID.replace('-4000', '-9000')]);
    expect(decided(['x-request-id', ID], { random: 5 })).toEqual(['none', ID]);
    const marked = ID.replace('-4000', '-9000');
    expect(decided(['x-request-id', marked], { random: 0 })).toEqual(['sampling', marked]);
  });

  it('clients and services may force it', () => {
    const client = ['x-client-trace-id', '1', 'x-request-id', ID];
    expect(decided(client, { random: 0 })).toEqual(['client-forced', ID.replace('-4000', '-b000')]);
    const service = ['x-envoy-force-trace', 'true', 'x-request-id', ID];
    expect(decided(service, { random: 0 })).toEqual(['service-forced', ID.replace('-4000', '-a000')]);
  });

  it('the overall share holds for all, and takes a decision back', () => {
    const marked = ID.replace('-4000', '-a000');
    expect(decided(['x-request-id', marked], { overall: 5 })).toEqual(['none', ID]);
  });

  it('without an id that can be read nothing is recorded, and none is changed that is no UUID', () => {
    expect(decided([])).toEqual(['none', undefined]);
    expect(decided(['x-request-id', 'mine'])).toEqual(['none', 'mine']);
    expect(decided(['x-request-id', '00000005'])).toEqual(['sampling', '00000005']);
    expect(decided([], { byRequestId: false })[0]).toBe('sampling');
  });

  it('an id from outside decides nothing', () => {
    expect(withoutReason(ID.replace('-4000', '-9000'))).toBe(ID);
    expect(withoutReason('mine')).toBe('mine');
  });
});
