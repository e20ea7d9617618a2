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
