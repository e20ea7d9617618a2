/** Answers of an interval. */
export interface Rate {
  total: number;
  successes: number;
}

/** What outlier detection remembers of one endpoint. */
export class EndpointHealth {
  ejected = false;
  /** Ejections, less one for every interval without; each makes the next one longer. */
  ejections = 0;
  ejectedAtMs = 0;
  /** Drawn at the ejection. */
  jitterMs = 0;
  consecutive5xx = 0;
  consecutiveGateway = 0;
  consecutiveLocalOrigin = 0;
  /** Of the present interval: what the endpoint answered, and, where those are counted apart, whether it was reached. */
  readonly external: Rate = { total: 0, successes: 0 };
  readonly local: Rate = { total: 0, successes: 0 };
}
