import { cookieValue } from '../../xds/match/cookie.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import { queryParameter } from '../../xds/match/query.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileSubstitution } from '../../xds/match/regex.ts';
import type { RouteAction } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';

/** One source of the hash that consistent balancers use; undefined where the request does not have it. */
export interface HashPolicy {
  readonly terminal: boolean;
  readonly value: (request: RequestFacts, peer: PeerFacts) => string | undefined;
  /** Made for clients that do not send it. */
  readonly cookie: CookieToMake | undefined;
}

/** A cookie that keeps a client with its endpoint. */
export interface CookieToMake {
  readonly name: string;
  /** 0: as long as the client runs. */
  readonly ttlSeconds: number;
  readonly path: string;
  /** `; Name=value` for each. */
  readonly attributes: string;
}

type Message = NonNullable<RouteAction['hash_policy']>[number];

/** config.route.v3.RouteAction.HashPolicy. */
export function readHashPolicy(message: Message, refuse: Refuse, field: string): HashPolicy {
  const { header, cookie, connection_properties, query_parameter, terminal = false, ...rest } = message;
  refuseRest(refuse, field, rest);
  const policy = (value: HashPolicy['value']): HashPolicy => ({ terminal, value, cookie: undefined });
  if (header !== undefined) return policy(headerValue(header, refuse, fieldIn(field, 'header')));
  if (query_parameter !== undefined) {
    const name = query_parameter.name ?? '';
    return policy((request) => queryParameter(request.path, name));
  }
  if (cookie !== undefined) return { terminal, ...readCookie(cookie, refuse, fieldIn(field, 'cookie')) };
  if (connection_properties?.source_ip !== true) refuse(field, 'says nothing to hash');
  return policy((_, peer) => peer.remoteAddress);
}

/** A cookie with a time to live is made where it is missing. */
function readCookie(
  message: NonNullable<Message['cookie']>,
  refuse: Refuse,
  field: string,
): Pick<HashPolicy, 'value' | 'cookie'> {
  const { name = '', ttl, path = '', attributes = [] } = message;
  const value: HashPolicy['value'] = (request) => cookieValue(request.header('cookie'), name);
  if (ttl === undefined) return { value, cookie: undefined };
  const ttlSeconds = Math.floor(readDurationMs(ttl, 0, refuse, fieldIn(field, 'ttl')) / 1000);
  const text = attributes.map(
    ({ name: key = '', value: said = '' }) => `; ${key}${said === '' ? '' : `=${said}`}`,
  );
  return { value, cookie: { name, ttlSeconds, path, attributes: text.join('') } };
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
