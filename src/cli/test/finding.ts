/** One expectation that does not hold. */
export interface Failure {
  /** `workload`, `received.headers.x`: where it stands below `expect`. */
  readonly what: string;
  readonly expected: string;
  /** What was seen; `unobserved` where the engine cannot see it. */
  readonly actual: string;
}

/** An expectation with what was seen; `holds` is undefined where nothing was. */
export interface Finding extends Failure {
  readonly holds: boolean | undefined;
}

export const UNOBSERVED = 'unobserved';
