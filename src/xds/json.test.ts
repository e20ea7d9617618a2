import { describe, expect, it } from 'vitest';
import { fromJson } from './json.ts';
import type { Bootstrap } from './resources.ts';

const name = 'envoy.config.bootstrap.v3.Bootstrap';

describe('a bootstrap as people write it', () => {
  it('takes proto names and camelCase, enum numbers, unquoted ports', () => {
    const { value, problems } = fromJson<Bootstrap>(name, {
      staticResources: {
        clusters: [{ name: 'a', type: 3, connectTimeout: '1s', load_assignment: { cluster_name: 8080 } }],
      },
    });
    expect(problems).toEqual([]);
    expect(value.static_resources?.clusters).toEqual([
      { name: 'a', type: 'EDS', connect_timeout: '1s', load_assignment: { cluster_name: '8080' } },
    ]);
  });

  it('names every mistake by its path', () => {
    const { problems } = fromJson(name, {
      static_resources: {
        clusters: [{ nmae: 'a', type: 'EDSS', connect_timeout: '1m' }],
        listeners: [
          { filter_chains: [{ filters: [{ typed_config: { '@type': 'type.googleapis.com/foo.Bar' } }] }] },
        ],
      },
    });
    expect(problems.map((p) => p.path)).toEqual([
      'static_resources.clusters[0].nmae',
      'static_resources.clusters[0].type',
      'static_resources.clusters[0].connect_timeout',
      'static_resources.listeners[0].filter_chains[0].filters[0].typed_config.@type',
    ]);
  });
});

it('takes a message alone for a list of one, as Envoy does', () => {
  const { value, problems } = fromJson('envoy.config.bootstrap.v3.Bootstrap', {
    static_resources: { clusters: { name: 'x' } },
  });
  expect(problems).toEqual([]);
  expect(value).toEqual({ static_resources: { clusters: [{ name: 'x' }] } });
});
