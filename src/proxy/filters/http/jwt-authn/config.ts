import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import { type CompiledRouteMatch, compileRouteMatch } from '../../../../xds/match/route-match.ts';
import type { AnyMessage, RouteMatch } from '../../../../xds/resources.ts';
import type { HttpFilterContext, MessageContext } from '../../../stream/http-filter.ts';
import { readProvider } from './provider.ts';
import { type Providers, type Requirement, type RequirementMessage, readRequirement } from './requirement.ts';

/** extensions.filters.http.jwt_authn.v3.JwtAuthentication: what tokens which requests need. */
export interface JwtConfig {
  /** The first that matches counts; undefined: nothing is needed there. */
  readonly rules: readonly {
    readonly match: CompiledRouteMatch;
    readonly requirement: Requirement | undefined;
  }[];
  /** By the names that routes use. */
  readonly named: ReadonlyMap<string, Requirement>;
  readonly bypassesPreflights: boolean;
  readonly stripsFailures: boolean;
}

/** What a route says: the name of a requirement, '' for none at all. */
export interface JwtRouteConfig {
  readonly requirement: string;
}

export const JWT_MESSAGE = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';
export const JWT_ROUTE_MESSAGE = 'envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig';

interface Message {
  readonly providers?: { readonly [name: string]: object };
  readonly rules?: readonly RuleMessage[];
  readonly requirement_map?: { readonly [name: string]: RequirementMessage };
  readonly bypass_cors_preflight?: boolean;
  readonly strip_failure_response?: boolean;
}

interface RuleMessage {
  readonly match?: RouteMatch;
  readonly requires?: RequirementMessage;
  readonly requirement_name?: string;
}

export function lowerJwt(message: AnyMessage, context: HttpFilterContext): JwtConfig {
  const { '@type': _type, ...fields } = message;
  const { providers = {}, rules = [], requirement_map = {}, ...more } = fields as Message;
  const { bypass_cors_preflight = false, strip_failure_response = false, ...rest } = more;
  const { refuse, field } = context;
  refuseRest(refuse, field, rest);
  const { runtime } = context;
  const known: Providers = new Map(
    Object.entries(providers).map(([name, one]) => [
      name,
      readProvider(name, one, runtime, refuse, fieldIn(field, `providers.${name}`)),
    ]),
  );
  const named = new Map(
    Object.entries(requirement_map).map(([name, one]) => [
      name,
      readRequirement(one, known, refuse, fieldIn(field, `requirement_map.${name}`)),
    ]),
  );
  return {
    rules: rules.map((rule, i) => readRule(rule, known, named, context, fieldIn(field, `rules[${i}]`))),
    named,
    bypassesPreflights: bypass_cors_preflight,
    stripsFailures: strip_failure_response,
  };
}

function readRule(
  rule: RuleMessage,
  providers: Providers,
  named: ReadonlyMap<string, Requirement>,
  { refuse }: MessageContext,
  field: string,
): JwtConfig['rules'][number] {
  const { match = {}, requires, requirement_name, ...rest } = rule;
  refuseRest(refuse, field, rest);
  if (requirement_name !== undefined && !named.has(requirement_name))
    refuse(fieldIn(field, 'requirement_name'), `there is no requirement '${requirement_name}'`);
  return {
    match: compileRouteMatch(match, refuse, fieldIn(field, 'match')),
    requirement:
      requires === undefined
        ? named.get(requirement_name ?? '')
        : readRequirement(requires, providers, refuse, fieldIn(field, 'requires')),
  };
}

export function lowerJwtRoute(message: AnyMessage, { refuse, field }: MessageContext): JwtRouteConfig {
  const { '@type': _type, disabled, requirement_name = '', ...rest } = message;
  refuseRest(refuse, field, rest);
  if (disabled !== true && requirement_name === '')
    refuse(field, 'says neither disabled nor requirement_name');
  return { requirement: disabled === true ? '' : String(requirement_name) };
}
