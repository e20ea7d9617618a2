import { describe, expect, it } from 'vitest';
import { ON_DEMAND, ON_DEMAND_ENVOY } from '../../xds/names.ts';
import type { Node } from '../../xds/resources.ts';
import { servedNode } from './user-agent.ts';

const node = (wish: string, minor_number: number): Node => ({
  id: 'a',
  metadata: { [ON_DEMAND]: wish, NAME: 'a' },
  user_agent_build_version: { version: { major_number: 1, minor_number } },
});

describe('servedNode', () => {
  it('lets delta streams of new Envoys, and of weft, be served on demand', () => {
    expect(servedNode(node(ON_DEMAND_ENVOY, 40), 'delta').metadata).toHaveProperty(ON_DEMAND);
    expect(servedNode(node('true', 0), 'delta').metadata).toHaveProperty(ON_DEMAND);
  });

  it('has everything delivered to others', () => {
    expect(servedNode(node(ON_DEMAND_ENVOY, 39), 'delta').metadata).toEqual({ NAME: 'a' });
    expect(servedNode(node(ON_DEMAND_ENVOY, 40), 'sotw').metadata).toEqual({ NAME: 'a' });
    expect(servedNode({ metadata: { [ON_DEMAND]: ON_DEMAND_ENVOY } }, 'delta').metadata).toEqual({});
  });
});
