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
 * journeys.ts is the way in; dial.ts is the caller, accept.ts what a proxy does with a connection, http/ with a
 * request, upstream/ how it goes on from there, arrive.ts who is at the other end.
 */
import type { Call } from './call.ts';
import type { Because, Explanation } from './explanation.ts';
import { journeys } from './journeys.ts';
import type { ExplainMesh, FoundOdd } from './mesh.ts';
import { mainOf, summary } from './summary.ts';
import type { PlacedStep } from './trace.ts';

/** An answer, and where each of its steps happens, for people. */
export interface Told {
  readonly explanation: Explanation;
  readonly steps: readonly PlacedStep[];
  /** What is odd about objects that have a part in the answer, and of how many others something is odd. */
  readonly findings: readonly Oddity[];
  readonly otherFindings: number;
}

/** Something odd about an object: a reference to nothing, a rule or setting without effect. */
export interface Oddity extends Because {
  /** '' for the object as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Explains a call. Throws UnknownCaller where nobody is called as the caller is. */
export function explain(mesh: ExplainMesh, call: Call): Explanation {
  return tell(mesh, call).explanation;
}

/** As {@link explain}, with the places of the steps. */
export function tell(mesh: ExplainMesh, call: Call): Told {
  const ways = journeys(mesh, call);
  const { steps } = mainOf(ways).trace;
  const all = mesh.compiled.findings?.() ?? [];
  const findings = oddities(all, steps);
  return { explanation: summary(ways), steps, findings, otherFindings: all.length - findings.length };
}

function oddities(all: readonly FoundOdd[], steps: readonly PlacedStep[]): readonly Oddity[] {
  const reasons = steps.flatMap(({ because, instead }) => [
    because,
    ...instead.map((other) => other.because),
  ]);
  const known = new Set(reasons.map(({ kind, namespace, name }) => [kind, namespace, name].join('/')));
  return all
    .filter(({ key }) => known.has([key.kind, key.namespace, key.name].join('/')))
    .map(({ key, field, message, file, line }) => {
      return { kind: key.kind, namespace: key.namespace, name: key.name, file, line, field, message };
    });
}
