/**
 * The user's API, from the outside in.
 *
 * In: plain values, as read from YAML, JSON or an API server. Out: typed, readonly objects, or a list of what is
 * wrong with each field and how to mend it. Called by everything that reads what users write: the resource store,
 * `weft validate`, `analyze`, `explain`, `test`. What never happens here: I/O, clocks, knowledge of other objects
 * (a reference to nothing is found by control/analyze, not here).
 *
 * `object.ts` is what all objects share; one file per kind lies in istio/, gateway/, kubernetes/ and weft/;
 * `kinds.ts` is the one table of them; `validate.ts` puts an unknown value through that table.
 */

/** The part of metadata that weft reads. The rest of Kubernetes' ObjectMeta is allowed and kept out; other fields are errors. */
export interface ObjectMeta {
  readonly name: string;
  /** Always set for namespaced kinds after validation (`default` where the author left it out), '' for cluster-wide kinds. */
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  /** RFC 3339. Decides which of two contradicting objects is the older one. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly OwnerReference[];
}

/** Who made this object: a Pod's ReplicaSet, a ReplicaSet's Deployment. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

/** An object whose content is in `spec`, as all of Istio's and the Gateway API's kinds are. */
export interface SpecObject<Spec> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
}

/** Identity of an object. The version is not part of it: all served versions of a kind are one object. */
export interface ObjectKey {
  /** '' for Kubernetes' core group. */
  readonly group: string;
  readonly kind: string;
  /** '' for cluster-wide kinds. */
  readonly namespace: string;
  readonly name: string;
}

/** `group/kind`, the key of the table of kinds: `networking.istio.io/Gateway`, `/Service`. */
export function kindIdOf(key: { readonly group: string; readonly kind: string }): string {
  return `${key.group}/${key.kind}`;
}

/** The key as one string, unique over all kinds: `networking.istio.io/VirtualService/default/reviews`. */
export function keyText(key: ObjectKey): string {
  return `${key.group}/${key.kind}/${key.namespace}/${key.name}`;
}

/** Group of an apiVersion: `networking.istio.io/v1` -> `networking.istio.io`, `v1` -> ''. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** Version of an apiVersion: `networking.istio.io/v1` -> `v1`. */
export function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}
