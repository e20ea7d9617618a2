import type { Origin } from '../../mesh/origin.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import { compileRbac } from '../../xds/match/rbac.ts';
import { because, objectText } from './because.ts';
import type { Scene } from './scene.ts';

type Rules = Parameters<typeof compileRbac>[0];

/** Runs the rules of one RBAC filter; true where they say no. `request` is undefined for mere connections. */
export function checkRbac(
  scene: Scene,
  rules: unknown,
  request: RequestFacts | undefined,
  peer: PeerFacts,
): boolean {
  if (rules === undefined) return false;
  const compiled = compileRbac(rules as Rules, () => {}, '');
  if (compiled.action === 'LOG') return false;
  const { allowed, policy } = compiled.evaluate(request, peer);
  const named = policyOf(policy);
  if (named === undefined) return nobodyDecided(scene, rules as Rules, allowed, compiled.action);
  const { origin, rule } = named;
  const { kind, namespace, name } = origin;
  scene.trace.policies.push({ kind, namespace, name, rule, verdict: allowed ? 'allow' : 'deny' });
  if (!allowed) scene.trace.deniedBy = origin;
  const reason = because(scene.places.mesh, { ...origin, field: `spec.rules[${rule}]` });
  scene.trace.step(`${objectText(origin)} ${allowed ? 'allows' : 'denies'} it by its rule ${rule}`, reason);
  return !allowed;
}

/** No policy matched: fine among those that deny, the end where some must allow. */
function nobodyDecided(scene: Scene, rules: Rules, allowed: boolean, action: 'ALLOW' | 'DENY'): boolean {
  if (allowed) return false;
  const policies = Object.keys(rules.policies ?? {}).flatMap((name) => policyOf(name)?.origin ?? []);
  const instead = policies.map((origin) => ({
    what: objectText(origin),
    why: 'none of its rules takes this request',
    because: because(scene.places.mesh, origin),
  }));
  const [first] = policies;
  if (first !== undefined) {
    const { kind, namespace, name } = first;
    scene.trace.policies.push({ kind, namespace, name, rule: -1, verdict: 'deny' });
    scene.trace.deniedBy = first;
  }
  const what = action === 'ALLOW' ? 'no policy allows it, and there are policies that allow' : 'it is denied';
  scene.trace.step(what, because(scene.places.mesh, first), instead);
  return true;
}

/** `ns[default]-policy[deny-x]-rule[0]`, as Istio names policies. */
function policyOf(text: string): { readonly origin: Origin; readonly rule: number } | undefined {
  const [, namespace, name, rule] = /^ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(text) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  return {
    origin: { group: 'security.istio.io', kind: 'AuthorizationPolicy', namespace, name },
    rule: Number(rule),
  };
}
