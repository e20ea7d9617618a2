import { formatProtoDuration } from '../../../lib/duration.ts';
import type { Forward, HttpMatch, HttpRule, WeightedDestination } from '../../../mesh/route.ts';
import type { Session } from '../../../mesh/session.ts';
import { type AnyMessage, any } from '../../../xds/resources.ts';

// Sessions are a filter's: it reads and writes the address of an endpoint, and the endpoint is looked for in the cluster
// that the route chose. So where a rule has several destinations, each has a cookie of its own, and whoever comes with
// one is sent to its destination by a route before the one that goes by weight (GEP-1619: sessions before weights).

/** Name of the filter. */
export const SESSION_FILTER = 'envoy.filters.http.stateful_session';

/** What a route or weighted cluster says to the filter. */
export function sessionFilter(session: Session): AnyMessage {
  return any('envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute', {
    stateful_session: {
      session_state: {
        name: `envoy.http.stateful_session.${session.type}`,
        typed_config: session.type === 'cookie' ? cookieState(session) : headerState(session),
      },
    },
  });
}

function cookieState({ name, path, lifeMs }: Extract<Session, { type: 'cookie' }>): AnyMessage {
  // Less than a second would be no end at all.
  const ttl = lifeMs === undefined ? {} : { ttl: formatProtoDuration(Math.max(1000, lifeMs)) };
  const cookie = { name, ...ttl, ...(path === '' ? {} : { path }) };
  return any('envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState', { cookie });
}

function headerState({ name }: Extract<Session, { type: 'header' }>): AnyMessage {
  return any('envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState', { name });
}

/** A rule and one of its matches. */
export interface MatchedRule {
  readonly rule: HttpRule;
  readonly match: HttpMatch | undefined;
}

/** The rule as it is, or, where its sessions go before its weights, first one for each destination. */
export function rulesOfSessions(rule: HttpRule, match: HttpMatch | undefined): readonly MatchedRule[] {
  const { session, action } = rule;
  if (session?.type !== 'cookie' || action.type !== 'forward' || action.destinations.length < 2)
    return [{ rule, match }];
  const destinations = action.destinations.map(
    (destination, i): WeightedDestination => ({ ...destination, session: numbered(session, i) }),
  );
  const held = destinations.map(
    (destination, i): MatchedRule => ({
      rule: { ...rule, session: numbered(session, i), action: only(action, destination) },
      match: withCookie(match, numbered(session, i).name),
    }),
  );
  const { session: _own, ...split } = rule;
  return [...held, { rule: { ...split, action: { ...action, destinations } }, match }];
}

/** The first destination's cookie has the name that is written, the others' a number behind it. */
function numbered(session: Extract<Session, { type: 'cookie' }>, i: number) {
  return i === 0 ? session : { ...session, name: `${session.name}-${i}` };
}

function only(action: Forward, { session: _own, ...destination }: WeightedDestination): Forward {
  return { ...action, destinations: [{ ...destination, weight: 1 }] };
}

const ANY: HttpMatch = {
  name: '',
  sourceLabels: {},
  sourceNamespace: '',
  headers: [],
  query: [],
  claims: [],
};

function withCookie(match: HttpMatch = ANY, name: string): HttpMatch {
  const value = `(?:.*;)?[ \\t]*${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}=.*`;
  const condition = { name: 'cookie', match: { type: 'regex', value }, invert: false } as const;
  return { ...match, headers: [...match.headers, condition] };
}
