/**
 * The mesh as weft understands it, whatever API it was written in.
 *
 * In: nothing; these are types of readonly data with the few questions that data can answer by itself. Filled by
 * control/resolve from the user's objects, read by control/emit, analyze and explain. What never happens here: names
 * of xDS, the shape of a user's object, I/O.
 *
 * service.ts is what can be called, workload.ts what runs, route.ts where a request goes, traffic-policy.ts how it is
 * sent there, gateway.ts what is open to the outside, settings.ts what holds for the whole mesh.
 */

/** The object, and where known the field in it, that is the reason for something. */
export interface Origin {
  /** '' for Kubernetes' core group. */
  readonly group: string;
  readonly kind: string;
  /** '' for cluster-wide kinds. */
  readonly namespace: string;
  readonly name: string;
  /** Path from the object's root, such as `spec.http[0]`; missing for the object as a whole. */
  readonly field?: string;
}
