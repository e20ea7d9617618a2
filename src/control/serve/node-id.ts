import type { Node } from '../../xds/resources.ts';

/** What a node id says: `TYPE~IP~NAME.NAMESPACE~DOMAIN`, as Istio's proxies have it. */
export interface NodeId {
  readonly type: 'sidecar' | 'router';
  readonly ip: string;
  readonly name: string;
  readonly namespace: string;
}

const NODE_ID = /^(sidecar|router)~([0-9a-fA-F.:]*)~([^~]+)\.([a-z0-9]([-a-z0-9]*[a-z0-9])?)~[^~]*$/;
/** Longest node id read, in characters. */
const MAX_LENGTH = 1024;

/** Undefined where the id is of another form. The namespace is what follows the last dot. */
export function parseNodeId(id: string): NodeId | undefined {
  const [, type, ip = '', name = '', namespace = ''] = (id.length <= MAX_LENGTH && NODE_ID.exec(id)) || [];
  if (type !== 'sidecar' && type !== 'router') return undefined;
  return { type, ip, name, namespace };
}

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
