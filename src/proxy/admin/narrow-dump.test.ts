import { describe, expect, it } from 'vitest';
import { narrowDump } from './narrow-dump.ts';

const cluster = (name: string) => ({
  version_info: '1',
  cluster: { '@type': 'C', name, connect_timeout: '1s' },
});
const configs = [
  { '@type': 'B', bootstrap: { node: { id: 'n' } } },
  { '@type': 'CD', static_clusters: [], dynamic_active_clusters: [cluster('reviews'), cluster('ratings')] },
  { '@type': 'ED', dynamic_endpoint_configs: [{ endpoint_config: { cluster_name: 'reviews' } }] },
];
const narrowed = (query: string) => narrowDump(configs, new URLSearchParams(query));
const prefix = 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump';

describe('a part of /config_dump', () => {
  it('is one kind of resource', () => {
    expect(narrowed('resource=dynamic_active_clusters')).toEqual({
      configs: [
        { '@type': `${prefix}.DynamicCluster`, ...cluster('reviews') },
        { '@type': `${prefix}.DynamicCluster`, ...cluster('ratings') },
      ],
    });
    expect(narrowed('resource=bootstrap')).toEqual({ configs: [{ node: { id: 'n' } }] });
    expect(narrowed('resource=static_clusters')).toEqual({ configs: [] });
    expect(narrowed('resource=nothing')).toMatchObject({ status: 404 });
  });

  it('is what has a name, and of it the fields of a mask', () => {
    expect(
      narrowed('name_regex=re.*&resource=dynamic_active_clusters&mask=cluster.name,version_info'),
    ).toEqual({
      configs: [
        {
          '@type': `${prefix}.DynamicCluster`,
          cluster: { '@type': 'C', name: 'reviews' },
          version_info: '1',
        },
      ],
    });
    expect(narrowed('name_regex=ra.*')).toMatchObject({
      configs: [
        {},
        { dynamic_active_clusters: [{ cluster: { name: 'ratings' } }] },
        { dynamic_endpoint_configs: [] },
      ],
    });
    expect(narrowed('name_regex=(')).toMatchObject({ status: 400 });
  });
});
