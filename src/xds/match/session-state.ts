import { parseProtoDurationMs } from '../../lib/duration.ts';
import { type AnyMessage, messageOf } from '../resources.ts';
import { cookieValue } from './cookie.ts';
import type { RequestFacts } from './facts.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { addressOfSession, decodeBase64, sessionOf } from './session-cookie.ts';

/** How clients carry the address of the endpoint that they were sent to: Envoy's formats, byte for byte. */
export interface SessionState {
  /** False: no session is kept for such a request. */
  concerns(request: SessionRequest): boolean;
  /** The address that the client came with; undefined for none that counts. */
  wanted(request: SessionRequest, nowMs: number): string | undefined;
  /** What tells the client its endpoint; `add`: beside others of the name. */
  told(address: string, nowMs: number): SessionHeader;
}

export type SessionRequest = Pick<RequestFacts, 'path' | 'header'>;

export interface SessionHeader {
  readonly name: string;
  readonly value: string;
  readonly add: boolean;
}

/** extensions.filters.http.stateful_session.v3.StatefulSession, wherever it is written. */
export interface StatefulSession {
  /** Undefined: no sessions. */
  readonly state: SessionState | undefined;
  /** No endpoint but the client's. */
  readonly strict: boolean;
}

const FILTER = 'envoy.extensions.filters.http.stateful_session.v3';
export const SESSION_MESSAGE = `${FILTER}.StatefulSession`;
export const SESSION_ROUTE_MESSAGE = `${FILTER}.StatefulSessionPerRoute`;
const STATE = 'envoy.extensions.http.stateful_session';

/** Of a chain. */
export function readSession(message: object, refuse: Refuse, field: string): StatefulSession {
  const {
    '@type': _type,
    session_state,
    strict = false,
    ...rest
  } = message as {
    readonly '@type'?: string;
    readonly session_state?: { readonly name?: string; readonly typed_config?: AnyMessage };
    readonly strict?: boolean;
  };
  refuseRest(refuse, field, rest);
  if (session_state === undefined) return { state: undefined, strict };
  const place = fieldIn(field, 'session_state.typed_config');
  return { state: readState(session_state.typed_config, refuse, place), strict };
}

/** Of a route: other sessions, or none. */
export function readRouteSession(message: AnyMessage, refuse: Refuse, field: string): StatefulSession {
  const { '@type': _type, disabled, stateful_session, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (disabled === true) return { state: undefined, strict: false };
  return readSession((stateful_session ?? {}) as object, refuse, fieldIn(field, 'stateful_session'));
}

function readState(message: AnyMessage | undefined, refuse: Refuse, field: string): SessionState | undefined {
  const kind = messageOf(message?.['@type'] ?? '');
  if (kind === `${STATE}.cookie.v3.CookieBasedSessionState`) return readCookieState(message, refuse, field);
  if (kind === `${STATE}.header.v3.HeaderBasedSessionState`) return readHeaderState(message, refuse, field);
  refuse(field, `'${message?.['@type'] ?? ''}' is not supported by this proxy`);
  return undefined;
}

function readCookieState(message: AnyMessage | undefined, refuse: Refuse, field: string): SessionState {
  const { '@type': _type, cookie = {}, ...rest } = message as AnyMessage & { readonly cookie?: Cookie };
  refuseRest(refuse, field, rest);
  const { name = '', ttl, path = '', ...more } = cookie;
  const place = fieldIn(field, 'cookie');
  refuseRest(refuse, place, more);
  if (name === '') refuse(fieldIn(place, 'name'), 'is missing');
  const ttlSeconds = Math.floor((parseProtoDurationMs(ttl ?? '0s') ?? 0) / 1000);
  const age = ttlSeconds === 0 ? '' : `; Max-Age=${ttlSeconds}`;
  const attributes = `${age}${path === '' ? '' : `; Path=${path}`}; HttpOnly`;
  return {
    concerns: (request) => isWithin(request.path, path),
    wanted: (request, nowMs) => {
      const value = cookieValue(request.header('cookie'), name);
      return value === undefined ? undefined : addressOfSession(value, nowMs);
    },
    told: (address, nowMs) => {
      const expires = ttlSeconds === 0 ? 0 : Math.floor(nowMs / 1000) + ttlSeconds;
      const value = `${name}="${sessionOf(address, expires)}"${attributes}`;
      return { name: 'set-cookie', value, add: true };
    },
  };
}

interface Cookie {
  readonly name?: string;
  readonly ttl?: string;
  readonly path?: string;
}

/** Whether clients send a cookie of such a path along: for the path itself and all below it. */
function isWithin(requested: string, path: string): boolean {
  if (!requested.startsWith(path)) return false;
  return path === '' || path.endsWith('/') || /^(?:$|[/?#])/.test(requested.slice(path.length));
}

function readHeaderState(message: AnyMessage | undefined, refuse: Refuse, field: string): SessionState {
  const { '@type': _type, name: written, ...rest } = message as AnyMessage & { readonly name?: string };
  refuseRest(refuse, field, rest);
  const name = (written ?? '').toLowerCase();
  if (name === '') refuse(fieldIn(field, 'name'), 'is missing');
  return {
    concerns: () => true,
    wanted: (request) => decodeBase64(request.header(name) ?? '') || undefined,
    told: (address) => ({ name, value: btoa(address), add: false }),
  };
}
