import { type WorkloadIdentity, workloadSpiffeId } from '../../wire/identity/spiffe.ts';
import type { NodeId } from '../../xds/names.ts';
import type { Compiled, WorkloadSummary } from '../compile.ts';

/** Who a stream's peer has proved to be; undefined on the port without authentication. */
export interface Peer {
  readonly identity: WorkloadIdentity;
  /** The Pod that its token is bound to. */
  readonly pod: string | undefined;
}

/** Metadata of a node that says who it is, as Istio's agents send it. */
const CLAIMS = { namespace: 'NAMESPACE', serviceAccount: 'SERVICE_ACCOUNT' } as const;

/**
 * Whether a peer may be the proxy that it says it is, in its node id and in the node's metadata: undefined, or why not.
 */
export function refusalOf(
  node: NodeId,
  metadata: Readonly<Record<string, unknown>> | undefined,
  peer: Peer | undefined,
  compiled: Compiled,
): string | undefined {
  if (peer === undefined) return undefined;
  const { identity, pod } = peer;
  const who = workloadSpiffeId(identity);
  if (identity.namespace !== node.namespace) {
    return `${who} may not be a proxy in the namespace ${node.namespace}`;
  }
  for (const claim of ['namespace', 'serviceAccount'] as const) {
    const claimed = metadata?.[CLAIMS[claim]] ?? '';
    if (claimed !== '' && claimed !== identity[claim]) {
      return `${who} may not say of itself ${CLAIMS[claim]}: ${String(claimed).slice(0, MAX_CLAIM)}`;
    }
  }
  if (pod !== undefined && pod !== node.name) {
    return `the token is bound to the Pod ${pod} and cannot be used for ${node.name}`;
  }
  // By the same rules as its configuration is chosen: a name of a Deployment stands for one of its Pods.
  const workload = compiled.workload(node.namespace, node.name);
  // A Pod that the store does not hold yet: the namespace is all that can be held against it. Asked again at each change.
  if (workload !== undefined && workload.serviceAccount !== identity.serviceAccount) {
    return `${who} may not be the proxy of ${node.namespace}/${node.name}, which runs as ${workload.serviceAccount}`;
  }
  return undefined;
}

/** Longest claim that is repeated to who made it, in characters. */
const MAX_CLAIM = 200;

/** The workload that a proxy belongs to. */
export function workloadOf(
  node: Pick<NodeId, 'name' | 'namespace'>,
  compiled: Compiled,
): WorkloadSummary | undefined {
  return workloadsByName(compiled).get(`${node.name}.${node.namespace}`);
}

const byCompiled = new WeakMap<Compiled, ReadonlyMap<string, WorkloadSummary>>();

function workloadsByName(compiled: Compiled): ReadonlyMap<string, WorkloadSummary> {
  let made = byCompiled.get(compiled);
  if (made === undefined) {
    made = new Map(
      compiled.workloads().map((workload) => [`${workload.name}.${workload.namespace}`, workload]),
    );
    byCompiled.set(compiled, made);
  }
  return made;
}
