/**
 * The Kubernetes Gateway API as the model that Istio's API becomes, too.
 *
 * In: GatewayClasses, Gateways, ListenerSets, routes, ReferenceGrants and BackendTLSPolicies. Out: gateways
 * (gateways.ts), rule sets (rule-sets.ts) and destination policies (backend-tls.ts) of src/mesh, and what each object's
 * status says (statuses.ts), as plain data. Called by the steps of resolve/ that put all of a kind together. What never
 * happens here: writing a status anywhere, clocks (who writes it adds the time of the transition).
 *
 * listeners.ts is what gateways open, parents.ts where routes attach to, backends.ts where they lead; http-rules.ts and
 * grpc-rules.ts make rules of routes, precedence.ts puts rules of several routes into order.
 */

/** One condition of an object's status, but for its time (Kubernetes' meta/v1 Condition). */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export function isTrue(type: string, reason: string, message = ''): Condition {
  return { type, status: 'True', reason, message };
}

export function isFalse(type: string, reason: string, message: string): Condition {
  return { type, status: 'False', reason, message };
}

/** Why a reference leads nowhere. */
export interface RefProblem {
  readonly reason: string;
  readonly message: string;
}

/** `ResolvedRefs` out of what is wrong with an object's references; the first problem gives the reason. */
export function resolvedRefs(problems: readonly RefProblem[]): Condition {
  const [first] = problems;
  if (first === undefined) return isTrue('ResolvedRefs', 'ResolvedRefs');
  return isFalse('ResolvedRefs', first.reason, problems.map(({ message }) => message).join('; '));
}
