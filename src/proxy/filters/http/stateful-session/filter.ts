import { setHeader } from '../../../../wire/headers.ts';
import {
  readRouteSession,
  readSession,
  SESSION_MESSAGE,
  SESSION_ROUTE_MESSAGE,
  type SessionState,
  type StatefulSession,
} from '../../../../xds/match/session-state.ts';
import type { HttpFilter, HttpFilterKind } from '../../../stream/http-filter.ts';

/**
 * Requests of one session go to one endpoint. In: a cookie or header with an endpoint's address. Out: the wish for that
 * endpoint, which the first try obeys while it can be had, and the address for the client where it became another one.
 */
export const statefulSessionKind: HttpFilterKind = {
  message: SESSION_MESSAGE,
  routeMessage: SESSION_ROUTE_MESSAGE,
  lower(message, { name, refuse, field }) {
    const own = readSession(message, refuse, field);
    return {
      name,
      forRoute(overrides) {
        const { state, strict } = (overrides[0] as StatefulSession | undefined) ?? own;
        return state && makeStatefulSession(state, strict);
      },
    };
  },
  lowerRoute: (message, { refuse, field }) => readRouteSession(message, refuse, field),
};

/** What is known of a stream's session. */
interface Session {
  readonly wanted: string | undefined;
}

function makeStatefulSession(state: SessionState, strict: boolean): HttpFilter {
  const key = {};
  return {
    requestHeaders(stream) {
      if (!state.concerns(stream.request)) return undefined;
      const wanted = state.wanted(stream.request, stream.clock.nowMs());
      stream.stateOf(key, (): Session => ({ wanted }));
      if (wanted !== undefined) stream.overrideHost = { address: wanted, strict };
      return undefined;
    },
    responseHeaders(stream) {
      const session = stream.knownState<Session>(key);
      const host = stream.facts.upstreamHost;
      if (session === undefined || host === undefined || host === session.wanted) return undefined;
      const { name, value, add } = state.told(host, stream.clock.nowMs());
      if (add) stream.response.headers.push(name, value);
      else setHeader(stream.response.headers, name, value);
      return undefined;
    },
  };
}
