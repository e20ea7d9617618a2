import type { Route } from '../resources.ts';
import { readPathRewrite } from './path-rewrite.ts';
import { type Refuse, refuseRest } from './refuse.ts';
import type { PathRule } from './route-match.ts';

type Message = NonNullable<Route['redirect']>;

const STATUS: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

/** What of a request a redirect keeps. */
export interface RedirectFacts {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

export interface Redirect {
  readonly status: number;
  /** The Location for a request. */
  readonly location: (request: RedirectFacts) => string;
}

/** config.route.v3.RedirectAction: what is not said stays as the request has it. */
export function readRedirect(message: Message, path: PathRule, refuse: Refuse, field: string): Redirect {
  const { https_redirect, scheme_redirect, host_redirect, port_redirect, path_redirect, ...more } = message;
  const {
    prefix_rewrite,
    regex_rewrite,
    response_code = 'MOVED_PERMANENTLY',
    strip_query = false,
    ...rest
  } = more;
  refuseRest(refuse, field, rest);
  const rewrite = readPathRewrite({ prefix_rewrite, regex_rewrite }, path, refuse, field);
  const newScheme = https_redirect ? 'https' : scheme_redirect;
  const newPath = pathOf(path_redirect, rewrite, strip_query);
  return {
    status: STATUS[response_code] ?? 301,
    location: (request) => {
      const scheme = newScheme || request.scheme;
      const host = host_redirect || requestHost(request, scheme, port_redirect !== undefined);
      const port = port_redirect === undefined ? '' : `:${port_redirect}`;
      return `${scheme}://${host}${port}${newPath(request.path)}`;
    },
  };
}

/** Where the request came from. */
export function sameLocation({ scheme, authority, path }: RedirectFacts): string {
  return `${scheme}://${authority}${path}`;
}

function pathOf(
  whole: string | undefined,
  rewrite: ((path: string) => string) | undefined,
  stripQuery: boolean,
): (path: string) => string {
  if (whole?.includes('?')) return () => whole;
  return (path) => {
    const end = path.indexOf('?');
    const query = end < 0 || stripQuery ? '' : path.slice(end);
    const only = end < 0 ? path : path.slice(0, end);
    return (whole || (rewrite === undefined ? only : rewrite(only))) + query;
  };
}

/** The request's host; its port goes where another one comes, or where it was the default of a scheme that changes. */
function requestHost(request: RedirectFacts, scheme: string, newPort: boolean): string {
  const [, host = request.authority, port] = /^(.*[^:]):(\d+)$/.exec(request.authority) ?? [];
  if (port === undefined) return host;
  const wasDefault = port === (request.scheme === 'https' ? '443' : '80');
  return newPort || (wasDefault && scheme !== request.scheme) ? host : request.authority;
}
