import { type AnyMessage, any, type Route } from '../../../src/xds/resources.ts';
import { answers, get, type RouterCase } from '../cases.ts';
import { chain, filter, http } from './chain.ts';

// Sessions: what clients come with, what they are told, and when nobody can be had. Where one leads to an endpoint that
// is there is shown by unit tests and TrafficTests: the ports of the upstreams are not known here.

const STATE = 'envoy.extensions.http.stateful_session';
const cookie = (fields: object) => ({
  session_state: {
    name: 'envoy.http.stateful_session.cookie',
    typed_config: any(`${STATE}.cookie.v3.CookieBasedSessionState`, { cookie: { name: 's', ...fields } }),
  },
});
const header = {
  session_state: {
    name: 'envoy.http.stateful_session.header',
    typed_config: any(`${STATE}.header.v3.HeaderBasedSessionState`, { name: 'X-Session' }),
  },
};
const perRoute = (fields: object): AnyMessage =>
  any(http('stateful_session', 'StatefulSessionPerRoute'), fields);
const sessions = (name: string, fields: object, requests: readonly string[], typed?: AnyMessage) =>
  chain(name, filter('stateful_session', 'StatefulSession', fields), requests, typed && { typed });
const sent = (value: string) => get('/', `cookie: other=1; s=${value}`);
const base64 = (bytes: string): string => btoa(bytes);

/** Message { address = 1, expires = 2 } in base64. */
const told = (address: string, expires = '') =>
  base64(`\n${String.fromCharCode(address.length)}${address}${expires}`);

const COOKIES = [
  get('/'),
  sent(told('10.9.9.9:1')),
  sent(`"${told('10.9.9.9:1')}"`),
  // Of 1970, and of 2106.
  sent(told('10.9.9.9:1', '\x10\x01')),
  sent(told('10.9.9.9:1', '\x10\xff\xff\xff\xff\x0f')),
  sent(base64('10.9.9.9:1')),
  sent(base64('\n\x00')),
  sent(base64('\n\x05abc')),
  sent(base64('\x18\x07')),
  sent('@@@'),
  sent('YQ'),
  sent(''),
  get('/', 'cookie: s'),
];

const routesTo = (cluster: string): readonly Route[] => [{ match: { prefix: '/' }, route: { cluster } }];

/** Sessions kept by a cookie or by a header. */
export const sessionCases: readonly RouterCase[] = [
  sessions('cookies', cookie({}), COOKIES),
  sessions('strict cookies', { ...cookie({}), strict: true }, COOKIES),
  sessions(
    'cookies of a path',
    cookie({ path: '/a' }),
    ['/a', '/a/b', '/a?b', '/ab', '/'].map((path) => get(path)),
  ),
  sessions(
    'cookies of a folder',
    cookie({ path: '/a/' }),
    ['/a', '/a/b', '/a/'].map((path) => get(path)),
  ),
  sessions('headers', header, [
    get('/'),
    get('/', `x-session: ${base64('10.9.9.9:1')}`),
    get('/', 'x-session: @@@'),
    get('/', 'x-session:'),
  ]),
  sessions('strict headers', { ...header, strict: true }, [
    get('/', `x-session: ${base64('10.9.9.9:1')}`),
    get('/', `x-session: ${told('10.9.9.9:1')}`),
  ]),
  sessions('none', {}, [get('/'), sent(told('10.9.9.9:1'))]),
  sessions('of a route', {}, [get('/')], perRoute({ stateful_session: cookie({}) })),
  sessions('off in a route', cookie({}), [get('/')], perRoute({ disabled: true })),
  sessions('with failures', cookie({}), [
    get('/', answers('503')),
    get('/', answers('200', 'set-cookie: a=b')),
  ]),
  chain('to nobody', filter('stateful_session', 'StatefulSession', cookie({})), [get('/')], {
    routes: routesTo('none'),
  }),
  chain('to the dead', filter('stateful_session', 'StatefulSession', cookie({})), [get('/')], {
    routes: routesTo('dead'),
  }),
  chain('answered here', filter('stateful_session', 'StatefulSession', cookie({})), [get('/')], {
    routes: [{ match: { prefix: '/' }, direct_response: { status: 204 } }],
  }),
];
