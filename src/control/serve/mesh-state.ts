import type { NodeId } from '../../xds/names.ts';
import type { Node } from '../../xds/resources.ts';
import type { Snapshot } from '../../xds/served-type.ts';
import type { Compiled } from '../compile.ts';
import type { Peer } from './admission.ts';
import type { ResourceBytes } from './encoded.ts';
import type { SecretSource } from './secrets.ts';
import { snapshotOf } from './view-snapshot.ts';

/** What the mesh is at one moment: never changed, replaced as a whole. */
export interface MeshState {
  readonly compiled: Compiled;
  readonly secrets: SecretSource;
  readonly bytes: ResourceBytes;
  /** When the oldest change that this state has and the one before had not was seen; wall time. */
  readonly changedAtMs: number;
}

/** What one proxy gets in this state; undefined where the compiler cannot tell from its node. */
export function viewFor(
  state: MeshState,
  node: Node,
  id: NodeId,
  peer: Peer | undefined,
): Snapshot | undefined {
  const { compiled, secrets, bytes } = state;
  const view = compiled.forProxy({ id: node.id ?? '', ...(node.metadata && { metadata: node.metadata }) });
  if (view === undefined) return undefined;
  // Who has proved nothing gets no private keys.
  const secretsFor = (names: ReadonlySet<string>) =>
    peer === undefined
      ? secrets.secretsFor(names, undefined)
      : secrets.secretsFor(names, id.namespace, compiled.gatewaySecrets(id.namespace));
  return snapshotOf(view, secretsFor, String(compiled.revision), bytes);
}
