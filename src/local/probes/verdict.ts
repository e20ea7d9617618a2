// From single answers of a probe to a verdict, as kubelet counts them: so many failures in a row make it failed, so
// many successes in a row make it passed. Pure.

export interface ProbeState {
  readonly verdict: 'unknown' | 'passed' | 'failed';
  /** Equal answers in a row. */
  readonly streak: number;
  readonly lastAnswer: boolean | undefined;
}

export const NEW_PROBE: ProbeState = { verdict: 'unknown', streak: 0, lastAnswer: undefined };

/** The state after one more answer. */
export function withAnswer(
  state: ProbeState,
  answer: boolean,
  thresholds: { readonly successThreshold: number; readonly failureThreshold: number },
): ProbeState {
  const streak = state.lastAnswer === answer ? state.streak + 1 : 1;
  const enough = streak >= (answer ? thresholds.successThreshold : thresholds.failureThreshold);
  return { verdict: enough ? (answer ? 'passed' : 'failed') : state.verdict, streak, lastAnswer: answer };
}
