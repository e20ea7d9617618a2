/** What outlier detection remembers of one endpoint. */
export class EndpointHealth {
  ejected = false;
  /** Ejections in a row; each makes the next one longer. */
  ejections = 0;
  ejectedUntilMs = 0;
  consecutive5xx = 0;
  consecutiveGateway = 0;
  consecutiveLocalOrigin = 0;
  /** Of the present interval. */
  successes = 0;
  total = 0;
}
