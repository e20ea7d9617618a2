import { describe, expect, it } from 'vitest';
import { chooseWay, type Machine } from './way.ts';

const linux: Machine = { os: 'linux', uid: 1000, missing: [], userTrial: '' };

describe('chooseWay', () => {
  it('takes root where root may make namespaces', () => {
    expect(chooseWay({ ...linux, uid: 0, rootTrial: '' }).way).toBe('root');
  });

  it('takes a user namespace without root, and as a root that may not make namespaces', () => {
    expect(chooseWay(linux).way).toBe('rootless');
    expect(chooseWay({ ...linux, uid: 0, rootTrial: 'Operation not permitted' }).way).toBe('rootless');
  });

  it('shares the host network with the reason and the cure where namespaces are not to be had', () => {
    const denied = chooseWay({ ...linux, userTrial: 'unshare failed: Operation not permitted' });
    expect(denied).toMatchObject({
      way: 'shared',
      sentence: expect.stringContaining('Operation not permitted'),
    });
    const missing = chooseWay({ os: 'linux', uid: 0, missing: ['nft', 'ip'] });
    expect(missing).toMatchObject({
      way: 'shared',
      sentence: expect.stringContaining('apt-get install nftables iproute2'),
    });
    expect(chooseWay({ os: 'darwin', uid: 501, missing: [] })).toMatchObject({
      way: 'shared',
      sentence: expect.stringContaining('only on Linux, and this is darwin'),
    });
  });

  it('obeys the way asked for, or says why it cannot', () => {
    expect(chooseWay({ ...linux, uid: 0, rootTrial: '' }, 'rootless').way).toBe('rootless');
    expect(chooseWay({ ...linux, uid: 0, rootTrial: '' }, 'shared').way).toBe('shared');
    expect(chooseWay(linux, 'root')).toEqual({ refusal: expect.stringContaining('uid 1000') });
  });
});
