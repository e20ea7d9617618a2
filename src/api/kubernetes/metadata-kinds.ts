import { type CoreObject, coreKind, metadataOnly } from '../kind.ts';

// Kinds of which weft reads nothing but name, labels and annotations.

/** v1 Namespace. Its labels carry `istio-injection`, `istio.io/dataplane-mode` and what discovery selectors look at. */
export type Namespace = CoreObject<unknown>;
export const namespace = coreKind(
  { group: '', kind: 'Namespace', versions: ['v1'], clusterWide: true },
  metadataOnly,
);

/** v1 ServiceAccount: the identity of workloads, `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/NAME`. */
export type ServiceAccount = CoreObject<unknown>;
export const serviceAccount = coreKind({ group: '', kind: 'ServiceAccount', versions: ['v1'] }, metadataOnly);
