import type { TestExpectation } from '../../api/weft/traffic-test.ts';

/** What can be expected, by its name in a TrafficTest. */
export type Aspect = keyof TestExpectation;

/** One way that a request went, or can go. Of an engine; what it cannot see is in `unobserved`. */
export interface Observation {
  /** Share of the requests that went so; all of an answer add up to 1. */
  readonly share: number;
  /** 0 where there was no HTTP answer. */
  readonly status: number;
  readonly tcp: 'accepted' | 'refused';
  /** `NAMESPACE/WORKLOAD` and other names of who got it; empty where nobody did. */
  readonly workload: readonly string[];
  /** That the caller's proxy chose; '' for none. */
  readonly cluster: string;
  /** What the workload saw. */
  readonly received: Seen | undefined;
  readonly response: {
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>;
    /** Undefined where the engine does not see it. */
    readonly body: string | undefined;
  };
  readonly mirroredTo: readonly string[];
  readonly tls: string;
  /** `KIND/NAMESPACE/NAME`, '' for nobody. */
  readonly deniedBy: string;
  readonly attempts: number;
  /** Who got it is not known, but it is the same one for all requests of this kind. */
  readonly sticky?: boolean;
  /** Time until the answer; undefined where there is no clock. */
  readonly afterMs: number | undefined;
  readonly unobserved: ReadonlySet<Aspect>;
}

export interface Seen {
  readonly path: string;
  readonly authority: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What an engine says of one request of a test, however often it was sent. */
export interface Answer {
  readonly observations: readonly Observation[];
}

/** An engine could not even try: nobody is called so, the URL is none. A sentence for the author of the test. */
export class Untestable extends Error {
  readonly code = 'UNTESTABLE';
  /** Field of the request that is the reason. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}
