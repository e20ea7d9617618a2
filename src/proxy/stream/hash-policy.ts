import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import { queryParameter } from '../../xds/match/query.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileSubstitution } from '../../xds/match/regex.ts';
import type { RouteAction } from '../../xds/resources.ts';

/** One source of the hash that consistent balancers use; undefined where the request does not have it. */
export interface HashPolicy {
  readonly terminal: boolean;
  readonly value: (request: RequestFacts, peer: PeerFacts) => string | undefined;
}

/** config.route.v3.RouteAction.HashPolicy. */
export function readHashPolicy(
  message: NonNullable<RouteAction['hash_policy']>[number],
  refuse: Refuse,
  field: string,
): HashPolicy {
  const { header, cookie, connection_properties, query_parameter, terminal = false, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (header !== undefined) return { terminal, value: headerValue(header, refuse, fieldIn(field, 'header')) };
  if (query_parameter !== undefined) {
    const name = query_parameter.name ?? '';
    return { terminal, value: (request) => queryParameter(request.path, name) };
  }
  if (cookie !== undefined) {
    // A cookie that is made here would need a response header of every route: only those that come are used.
    if (cookie.ttl !== undefined) refuse(fieldIn(field, 'cookie.ttl'), 'is not supported by this proxy');
    const name = cookie.name ?? '';
    return { terminal, value: (request) => cookieValue(request.header('cookie'), name) };
  }
  if (connection_properties?.source_ip !== true) refuse(field, 'says nothing to hash');
  return { terminal, value: (_, peer) => peer.remoteAddress };
}

function headerValue(
  header: {
    readonly header_name?: string;
    readonly regex_rewrite?: Parameters<typeof compileSubstitution>[0];
  },
  refuse: Refuse,
  field: string,
): HashPolicy['value'] {
  const name = (header.header_name ?? '').toLowerCase();
  if (header.regex_rewrite === undefined) return (request) => request.header(name);
  const rewrite = compileSubstitution(header.regex_rewrite, refuse, fieldIn(field, 'regex_rewrite'));
  return (request) => {
    const value = request.header(name);
    return value === undefined ? undefined : rewrite(value);
  };
}

function cookieValue(cookies: string | undefined, name: string): string | undefined {
  for (const part of (cookies ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}
