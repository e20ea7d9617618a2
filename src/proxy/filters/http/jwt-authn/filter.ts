import { type PeerFacts, pathOnly, type RequestFacts } from '../../../../xds/match/facts.ts';
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
    return {
      name: context.name,
      forRoute: (overrides) => makeJwt(config, overrides[0] as JwtRouteConfig | undefined),
    };
  },
  lowerRoute: lowerJwtRoute,
};

const METADATA = 'envoy.filters.http.jwt_authn';
/** Most of a path that is repeated in the answer. */
const MAX_REALM_PATH = 256;

function makeJwt(config: JwtConfig, route: JwtRouteConfig | undefined): HttpFilter | undefined {
  if (route?.requirement === '') return undefined;
  if (route !== undefined && !config.named.has(route.requirement))
    return { requestHeaders: () => wrongName(config, route.requirement) };
  const own = route && config.named.get(route.requirement);
  return {
    requestHeaders(stream): Verdict {
      if (config.bypassesPreflights && isPreflight(stream.request)) return undefined;
      const requirement = own ?? requirementOf(config, stream.request, stream.peer, stream.random.uint32());
      return requirement === undefined ? undefined : check(requirement, stream, config);
    },
  };
}

function check(requirement: Requirement, stream: FilterStream, config: JwtConfig): Verdict {
  const checked: Checked = { stream, metadata: {} };
  const realm = realmOf(stream);
  const finish = (failure: Failure | undefined): Reply | undefined => {
    if (failure !== undefined) return denied(failure, realm, config.stripsFailures);
    if (Object.keys(checked.metadata).length > 0) stream.setMetadata(METADATA, checked.metadata);
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
