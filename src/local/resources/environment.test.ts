import { describe, expect, it } from 'vitest';
import { baseEnvironment, containerEnvironment, type PodFacts } from './environment.ts';

const facts: PodFacts = {
  namespace: 'shop',
  name: 'reviews-v1-0',
  uid: 'u',
  address: '10.244.0.7',
  hostAddress: '10.244.0.1',
  nodeName: 'local',
  serviceAccount: 'reviews',
  labels: { version: 'v1' },
  annotations: {},
};

describe('containerEnvironment', () => {
  it('answers fieldRef and expands what was given before', () => {
    const { env, problems } = containerEnvironment(
      [
        { name: 'POD_NAME', field: 'metadata.name' },
        { name: 'POD_IP', field: 'status.podIP' },
        { name: 'VERSION', field: "metadata.labels['version']" },
        { name: 'URL', value: 'http://$(POD_IP):1/$(LATER)/$$(POD_IP)' },
        { name: 'LATER', value: 'x' },
      ],
      facts,
      { PATH: '/bin' },
    );
    expect(problems).toEqual([]);
    expect(env).toEqual({
      PATH: '/bin',
      POD_NAME: 'reviews-v1-0',
      POD_IP: '10.244.0.7',
      VERSION: 'v1',
      URL: 'http://10.244.0.7:1/$(LATER)/$(POD_IP)',
      LATER: 'x',
    });
  });

  it('names a field that does not exist', () => {
    const { env, problems } = containerEnvironment([{ name: 'A', field: 'status.nonsense' }], facts, {});
    expect(env).toEqual({});
    expect(problems).toEqual([expect.stringContaining('status.nonsense')]);
  });
});

describe('baseEnvironment', () => {
  it('passes on only what programs need to run', () => {
    expect(
      baseEnvironment({ PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'x', NODE_OPTIONS: '--inspect' }, 'a-0'),
    ).toEqual({
      PATH: '/bin',
      HOSTNAME: 'a-0',
    });
  });
});
