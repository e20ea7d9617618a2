import { ON_DEMAND, ON_DEMAND_ENVOY } from '../../xds/names.ts';
import type { Node } from '../../xds/resources.ts';

/** Which program a node says it is, with its version. */
export function userAgentOf(node: Node): string {
  const { major_number = 0, minor_number = 0, patch = 0 } = node.user_agent_build_version?.version ?? {};
  const version = node.user_agent_version ?? `${major_number}.${minor_number}.${patch}`;
  const name = node.user_agent_name ?? '';
  return name === '' ? '' : `${name} ${version}`.trim();
}

/** The data plane behind a node, by the name it gives itself. */
export function dataPlaneOf(node: Node): 'weft' | 'envoy' | 'grpc' | 'unknown' {
  const name = node.user_agent_name ?? '';
  if (name === 'weft' || name === 'envoy') return name;
  return name.startsWith('gRPC') || name.startsWith('grpc') ? 'grpc' : 'unknown';
}

/**
 * The node without its wish to be served on demand, where that cannot be: by state-of-the-world streams, which have no
 * way to ask for more, and to Envoys before 1.40, whose requests get lost or wait for ever where virtual hosts come on
 * demand (record 14).
 */
export function servedNode(node: Node, protocol: 'delta' | 'sotw'): Node {
  const { [ON_DEMAND]: wish, ...metadata } = node.metadata ?? {};
  if (wish === undefined) return node;
  const { major_number = 0, minor_number = 0 } = node.user_agent_build_version?.version ?? {};
  const isOld = major_number < 1 || (major_number === 1 && minor_number < 40);
  return protocol === 'sotw' || (wish === ON_DEMAND_ENVOY && isOld) ? { ...node, metadata } : node;
}
