import { type PeerFacts, pathOnly, type RequestFacts } from '../../../../xds/match/facts.ts';
import type { Counter, StatScope } from '../../../observe/stat-scope.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterKind,
  Reply,
  Verdict,
} from '../../../stream/http-filter.ts';
import type { Checked } from './check-token.ts';
import {
  JWT_MESSAGE,
  JWT_ROUTE_MESSAGE,
  type JwtConfig,
  type JwtRouteConfig,
  lowerJwt,
  lowerJwtRoute,
} from './config.ts';
import { FAILURE, type Failure } from './failure.ts';
import type { Requirement } from './requirement.ts';

/**
 * Tokens of end users (JWT). In: a request, with tokens in headers, parameters or cookies. Out: the request with what
 * was proven in its metadata and headers, or 401. Never: a claim that no signature vouches for, an algorithm that the
 * token chose and not its key.
 */
export const jwtKind: HttpFilterKind = {
  message: JWT_MESSAGE,
  routeMessage: JWT_ROUTE_MESSAGE,
  lower(message, context) {
    const config = lowerJwt(message, context);
    const stats = statsOf(context.stats.scope('jwt_authn.'));
    return {
      name: context.name,
      forRoute: (overrides) => makeJwt(config, overrides[0] as JwtRouteConfig | undefined, stats),
    };
  },
  lowerRoute: lowerJwtRoute,
};

const METADATA = 'envoy.filters.http.jwt_authn';
/** Most of a path that is repeated in the answer. */
const MAX_REALM_PATH = 256;

/** `http.PREFIX.jwt_authn.` */
interface JwtStats {
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly cors_preflight_bypassed: Counter;
}

function statsOf(scope: StatScope): JwtStats {
  return {
    allowed: scope.counter('allowed'),
    denied: scope.counter('denied'),
    cors_preflight_bypassed: scope.counter('cors_preflight_bypassed'),
  };
}

function makeJwt(
  config: JwtConfig,
  route: JwtRouteConfig | undefined,
  stats: JwtStats,
): HttpFilter | undefined {
  if (route !== undefined && !config.named.has(route.requirement))
    if (route.requirement !== '')
      return {
        requestHeaders() {
          stats.denied.value++;
          return wrongName(config, route.requirement);
        },
      };
  const own = route && config.named.get(route.requirement);
  return {
    requestHeaders(stream): Verdict {
      if (config.bypassesPreflights && isPreflight(stream.request)) {
        stats.cors_preflight_bypassed.value++;
        stats.allowed.value++;
        return undefined;
      }
      const requirement =
        route === undefined
          ? requirementOf(config, stream.request, stream.peer, stream.random.uint32())
          : own;
      if (requirement !== undefined) return check(requirement, stream, config, stats);
      stats.allowed.value++;
      return undefined;
    },
  };
}

function check(requirement: Requirement, stream: FilterStream, config: JwtConfig, stats: JwtStats): Verdict {
  const checked: Checked = { stream, metadata: {}, clearsRoute: false };
  const realm = realmOf(stream);
  const finish = (failure: Failure | undefined): Reply | undefined => {
    if (failure !== undefined) {
      stats.denied.value++;
      return denied(failure, realm, config.stripsFailures);
    }
    stats.allowed.value++;
    if (Object.keys(checked.metadata).length > 0) stream.setMetadata(METADATA, checked.metadata);
    if (checked.clearsRoute && !stream.over) stream.clearRoute();
    return undefined;
  };
  const outcome = requirement(checked);
  return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
}

function requirementOf(
  { rules }: JwtConfig,
  request: RequestFacts,
  peer: PeerFacts,
  draw: number,
): Requirement | undefined {
  const path = pathOnly(request.path);
  return rules.find(({ match }) => match.matches(request, path, peer, draw))?.requirement;
}

function denied(failure: Failure, realm: string, strips: boolean): Reply {
  const status = failure === FAILURE.audience ? 403 : 401;
  const details = `jwt_authn_access_denied{${failure.replaceAll(' ', '_')}}`;
  if (strips) return { status, body: '', details };
  const error = failure === FAILURE.missing ? '' : ', error="invalid_token"';
  return { status, body: failure, details, headers: ['www-authenticate', `Bearer realm="${realm}"${error}`] };
}

function wrongName({ named, stripsFailures }: JwtConfig, name: string): Reply {
  const message = `Wrong requirement_name: ${name}. It should be one of [${[...named.keys()].join(',')}]`;
  return {
    status: 403,
    body: stripsFailures ? '' : `Failed JWT authentication: ${message}`,
    details: `jwt_authn_access_denied{${message.replaceAll(' ', '_')}}`,
  };
}

/** As the caller wrote it, before a token is taken out of it. */
function realmOf({ request }: FilterStream): string {
  return `${request.scheme}://${request.authority}${request.path.slice(0, MAX_REALM_PATH)}`;
}

function isPreflight(request: RequestFacts): boolean {
  return (
    request.method === 'OPTIONS' &&
    (request.header('origin') ?? '') !== '' &&
    (request.header('access-control-request-method') ?? '') !== ''
  );
}
