import { duration, type Infer, list, listOrEmpty, message, text, uint32 } from '../../schema.ts';
import { destination } from '../shared/destination.ts';
import { headers } from '../shared/headers.ts';
import { httpRetry } from '../shared/http-retry.ts';
import { percentage } from '../shared/percent.ts';
import { corsPolicy } from './cors.ts';
import { httpFault } from './fault.ts';
import { httpMatch } from './match.ts';
import { directResponse, httpRedirect, httpRewrite } from './rewrite.ts';
import { routeDestination } from './route-destination.ts';

const httpRouteDestination = message({ destination }, { ...routeDestination.optional, headers });
export type HttpRouteDestination = Infer<typeof httpRouteDestination>;

/** One rule for HTTP: requests that match (any of `match`, or all where it is empty) are treated so. */
export const httpRoute = message(
  {},
  {
    name: text,
    match: listOrEmpty(httpMatch),
    route: list(httpRouteDestination),
    redirect: httpRedirect,
    directResponse,
    delegate: message({}, { name: text, namespace: text }),
    rewrite: httpRewrite,
    timeout: duration,
    retries: httpRetry,
    fault: httpFault,
    mirror: destination,
    mirrors: list(message({ destination }, { percentage })),
    mirrorPercent: uint32,
    mirrorPercentage: percentage,
    corsPolicy,
    headers,
  },
);
export type HttpRoute = Infer<typeof httpRoute>;
