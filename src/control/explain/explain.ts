/**
 * Explaining: where would this request go, and why?
 *
 * In: the mesh (its objects and what they compile to) and one call. Out: the answer in the form of the command line's
 * contract (explanation.ts). Called by `weft explain`, `weft test` and the API of the control plane. The call is walked
 * through the very resources that proxies get, with the very matching that weft's proxy runs (src/xds/match): out of
 * the caller's proxy, through gateways, into the callee's proxy. What is left to chance (weights, endpoints, faults) is
 * gone through in every way it can fall, so shares are exact. What never happens here: I/O, clocks, dice, and knowledge
 * of what the user's objects mean; those are only named as reasons.
 *
 * journeys.ts is the way in; dial.ts is the caller, proxy/ what a proxy does with a connection, http/ with a request,
 * upstream/ how it goes on from there, arrive.ts who is at the other end.
 */
import type { Call } from './call.ts';
import type { Explanation } from './explanation.ts';
import { journeys } from './journeys.ts';
import type { ExplainMesh } from './mesh.ts';
import { summary } from './summary.ts';

/** Explains a call. Throws {@link UnknownCaller} where nobody is called as the caller is. */
export function explain(mesh: ExplainMesh, call: Call): Explanation {
  return summary(journeys(mesh, call));
}
