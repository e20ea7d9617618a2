import type { NodeId } from '../../xds/names.ts';
import type { Node } from '../../xds/resources.ts';
import type { Snapshot } from '../../xds/served-type.ts';
import type { Compiled, ProxyNode, ProxyView } from '../compile.ts';
import type { Peer } from './admission.ts';
import type { ResourceBytes } from './encoded.ts';
import type { Asked, SecretGrants } from './secret-grants.ts';
import type { SecretSource } from './secrets.ts';
import { type SecretsFor, snapshotOf } from './view-snapshot.ts';

/** What the mesh is at one moment: never changed, replaced as a whole. */
export interface MeshState {
  readonly compiled: Compiled;
  readonly secrets: SecretSource;
  readonly bytes: ResourceBytes;
  /** When the oldest change that this state has and the one before had not was seen; wall time. */
  readonly changedAtMs: number;
}

/** What a stream has shown and asked for, as far as it decides what it gets. */
export interface Asker {
  readonly peer: Peer | undefined;
  readonly grants: SecretGrants;
  readonly asked: Asked;
  readonly nowMs: () => number;
}

/** What one proxy gets in this state; undefined where the compiler cannot tell from its node. */
export function viewFor(state: MeshState, node: Node, id: NodeId, asker: Asker): Snapshot | undefined {
  const { compiled, bytes } = state;
  const view = compiled.forProxy(proxyNode(node));
  if (view === undefined) return undefined;
  return snapshotOf(view, secretsOf(state, view, id, asker), String(compiled.revision), bytes);
}

/** The same object for the same node, by which the compiler knows it again. */
const proxyNodes = new WeakMap<Node, ProxyNode>();

function proxyNode(node: Node): ProxyNode {
  let known = proxyNodes.get(node);
  if (known === undefined) {
    known = { id: node.id ?? '', ...(node.metadata && { metadata: node.metadata }) };
    proxyNodes.set(node, known);
  }
  return known;
}

/**
 * Who has proved nothing gets no private keys, nor does who says to be something that nobody knows: its labels, and so
 * what it is configured for, are its own word. It is asked again when the configuration changes.
 */
function secretsOf(
  { compiled, secrets }: MeshState,
  view: ProxyView,
  { namespace, name }: NodeId,
  { peer, grants, asked, nowMs }: Asker,
): SecretsFor {
  const isKnown = peer !== undefined && compiled.workload(namespace, name) !== undefined;
  if (!isKnown) return (names) => secrets.secretsFor(names, undefined);
  return (names) => {
    const granted = grants.among(names, view, asked, nowMs());
    return secrets.secretsFor(granted, namespace, compiled.gatewaySecrets(namespace));
  };
}
