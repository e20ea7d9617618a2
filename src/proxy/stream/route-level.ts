import type { RouteAction } from '../../xds/resources.ts';
import type { HeaderOperations } from './header-operations.ts';
import type { OverrideLevel } from './lower-overrides.ts';
import type { RateLimitPolicy, RateLimits } from './rate-limit-policy.ts';

/** What a route table, a virtual host, a route or a weighted cluster says for everything beneath it. */
export interface RouteLevel {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
  readonly mirrors: RouteAction['request_mirror_policies'];
  readonly mirrorField: string;
  readonly overrides: OverrideLevel;
  /** The older place of the CORS filter's configuration. */
  readonly cors?: OverrideLevel | undefined;
  /** A virtual host's. */
  readonly rateLimits?: readonly RateLimitPolicy[];
  /** A route's, with its virtual host's. */
  readonly routeRateLimits?: RateLimits | undefined;
}

/** What is around an action; `levels` from the route outwards. */
export interface ActionContext {
  readonly virtualHost: string;
  readonly levels: readonly RouteLevel[];
  /** The virtual host's policy, for routes without one. */
  readonly retryPolicy: RouteAction['retry_policy'];
  readonly retryField: string;
  readonly hedgePolicy: RouteAction['hedge_policy'];
  readonly marksTimeoutRetries: boolean;
  /** Most of a body that is kept. */
  readonly bufferBytes: number;
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
  /** Header operations of the most general level come first, so that the most specific wins. */
  readonly generalFirst: boolean;
  readonly maxDirectBytes: number;
}
