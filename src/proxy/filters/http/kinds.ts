import type { HttpFilterKind } from '../../stream/http-filter.ts';
import type { TerminalKind } from '../../stream/terminal-kind.ts';
import { bufferKind } from './buffer/filter.ts';
import { compressorKind } from './compressor/filter.ts';
import { corsKind } from './cors/filter.ts';
import { dynamicForwardProxyKind } from './dynamic-forward-proxy/filter.ts';
import { extAuthzKind } from './ext-authz/filter.ts';
import { faultKind } from './fault/filter.ts';
import { grpcStatsKind } from './grpc-stats/filter.ts';
import { grpcWebKind } from './grpc-web/filter.ts';
import { headerMutationKind } from './header-mutation/filter.ts';
import { healthCheckKind } from './health-check/filter.ts';
import { jwtKind } from './jwt-authn/filter.ts';
import { localRateLimitKind } from './local-ratelimit/filter.ts';
import { rateLimitKind } from './ratelimit/filter.ts';
import { rbacKind } from './rbac/filter.ts';
import { routerKind } from './router/filter.ts';
import { statefulSessionKind } from './stateful-session/filter.ts';

/** The HTTP filters of this proxy. The router is none of them: it is what chains end in. */
const KINDS: readonly HttpFilterKind[] = [
  bufferKind,
  compressorKind,
  corsKind,
  dynamicForwardProxyKind,
  extAuthzKind,
  faultKind,
  grpcStatsKind,
  grpcWebKind,
  headerMutationKind,
  healthCheckKind,
  jwtKind,
  localRateLimitKind,
  rateLimitKind,
  rbacKind,
  statefulSessionKind,
];

/** What chains end in. */
export const terminalKind: TerminalKind = routerKind;

/** By the message of a chain's typed_config. */
export function kindOf(message: string): HttpFilterKind | undefined {
  return KINDS.find((kind) => kind.message === message);
}

/** By the message of a route's configuration; some filters take the same in both places. */
export function routeKindOf(message: string): HttpFilterKind | undefined {
  return message === '' ? undefined : KINDS.find((kind) => kind.routeMessage === message);
}
