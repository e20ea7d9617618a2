import type { DirectResponse, Redirect } from '../../../mesh/route.ts';
import type { Route } from '../../../xds/resources.ts';

const CODES = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
} as const;

/** A redirect. Ports that the scheme implies are left out; other codes than Envoy knows become 301. */
export function redirect(
  action: Redirect,
  context: { readonly port: number; readonly tls: boolean },
): NonNullable<Route['redirect']> {
  const port = portOf(action, context);
  return {
    ...(action.scheme === undefined ? {} : { scheme_redirect: action.scheme }),
    ...(action.authority === undefined ? {} : { host_redirect: action.authority }),
    ...(port === undefined ? {} : { port_redirect: port }),
    ...(action.path === undefined ? {} : { path_redirect: action.path }),
    ...(action.prefix === undefined ? {} : { prefix_rewrite: action.prefix }),
    ...(action.pathRegex === undefined ? {} : { regex_rewrite: regexRewrite(action.pathRegex) }),
    response_code: CODES[action.status as keyof typeof CODES] ?? 'MOVED_PERMANENTLY',
  };
}

/** The part of a path that matches, replaced. */
export function regexRewrite(change: { readonly match: string; readonly replacement: string }) {
  return { pattern: { regex: change.match }, substitution: change.replacement };
}

function portOf(
  action: Redirect,
  context: { readonly port: number; readonly tls: boolean },
): number | undefined {
  if (action.port === undefined || action.port === 'default') return undefined;
  if (action.port === 'scheme') return schemePort(action, context.port);
  const port = action.port === 'request' ? context.port : action.port;
  const scheme = action.scheme ?? (context.tls ? 'https' : 'http');
  return (port === 80 && scheme === 'http') || (port === 443 && scheme === 'https') ? undefined : port;
}

/** Proxies keep a port that the request names: clients of other ports than the usual ones name theirs. */
function schemePort({ scheme, authority }: Redirect, port: number): number | undefined {
  if (authority !== undefined || port === 80 || port === 443) return undefined;
  return scheme === 'https' ? 443 : 80;
}

export function directResponse(action: DirectResponse): NonNullable<Route['direct_response']> {
  const body =
    action.text !== undefined
      ? { inline_string: action.text }
      : action.base64 !== undefined
        ? { inline_bytes: action.base64 }
        : undefined;
  return { status: action.status, ...(body === undefined ? {} : { body }) };
}
