// What to do next so that a workload's pods become what its Deployment says. Pure; asked again after every change.
//
// A changed template is rolled out one pod at a time, the new one ready before an old one goes, as Kubernetes does
// with maxSurge 1 and maxUnavailable 0.

/** A pod as the rollout sees it. */
export interface RolloutPod {
  readonly name: string;
  readonly hash: string;
  readonly ready: boolean;
  /** On its way out already. */
  readonly stopping: boolean;
}

export interface RolloutStep {
  /** Names of pods to start with the current template. */
  readonly start: readonly string[];
  /** Names of pods to stop. */
  readonly stop: readonly string[];
}

/** The next step for one workload. `nameOf` gives the name of the pod with an ordinal, from 0. */
export function nextStep(
  wanted: { readonly replicas: number; readonly hash: string },
  pods: readonly RolloutPod[],
  nameOf: (ordinal: number) => string,
): RolloutStep {
  const live = pods.filter((pod) => !pod.stopping);
  const current = live.filter((pod) => pod.hash === wanted.hash);
  const old = live.filter((pod) => pod.hash !== wanted.hash);
  const missing = wanted.replicas - current.length;
  const room = old.length === 0 ? missing : Math.min(missing, wanted.replicas + 1 - live.length);
  const start = freeNames(Math.max(0, room), pods, nameOf);
  return {
    start,
    stop: [...excess(current, wanted.replicas), ...replaceable(old, current, wanted.replicas)],
  };
}

function freeNames(
  count: number,
  pods: readonly RolloutPod[],
  nameOf: (ordinal: number) => string,
): string[] {
  const taken = new Set(pods.map((pod) => pod.name));
  const names: string[] = [];
  for (let ordinal = 0; names.length < count; ordinal++) {
    const name = nameOf(ordinal);
    if (!taken.has(name)) names.push(name);
  }
  return names;
}

/** Scaling down: pods that are not ready go first, then the youngest names. */
function excess(current: readonly RolloutPod[], replicas: number): string[] {
  const order = [...current].sort((a, b) => Number(a.ready) - Number(b.ready));
  return order.slice(0, Math.max(0, current.length - replicas)).map((pod) => pod.name);
}

/** Old pods that nobody needs any more: those that serve nobody, and one for each new pod that is ready. */
function replaceable(old: readonly RolloutPod[], current: readonly RolloutPod[], replicas: number): string[] {
  const ready = [...current, ...old].filter((pod) => pod.ready).length;
  const idle = old.filter((pod) => !pod.ready);
  const serving = old.filter((pod) => pod.ready);
  return [...idle, ...serving.slice(0, Math.max(0, ready - replicas))].map((pod) => pod.name);
}
