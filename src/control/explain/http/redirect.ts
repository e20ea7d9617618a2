import type { PathRule } from '../../../xds/match/route-match.ts';
import type { Route } from '../../../xds/resources.ts';
import type { Request } from './request.ts';
import { rewritePath } from './rewrite-path.ts';

type Message = NonNullable<Route['redirect']>;

const STATUS: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

export function redirectStatus({ response_code = 'MOVED_PERMANENTLY' }: Message): number {
  return STATUS[response_code] ?? 301;
}

/** Where a redirect leads: what it does not say stays as the request has it. */
export function redirectLocation(message: Message, rule: PathRule, request: Request): string {
  const { https_redirect, scheme_redirect, host_redirect, port_redirect } = message;
  const scheme = (https_redirect === true ? 'https' : scheme_redirect) || request.scheme;
  const host = host_redirect || requestHost(request, scheme, port_redirect !== undefined);
  const port = port_redirect === undefined ? '' : `:${port_redirect}`;
  return `${scheme}://${host}${port}${newPath(message, rule, request.path)}`;
}

function newPath(message: Message, rule: PathRule, path: string): string {
  const { path_redirect = '', strip_query = false, prefix_rewrite, regex_rewrite } = message;
  if (path_redirect.includes('?')) return path_redirect;
  const end = path.indexOf('?');
  const query = end < 0 || strip_query ? '' : path.slice(end);
  const only = end < 0 ? path : path.slice(0, end);
  return (path_redirect || rewritePath({ prefix_rewrite, regex_rewrite }, rule, only)) + query;
}

/** The request's host; its port goes where another one comes, or where it was the default of a scheme that changes. */
function requestHost({ authority, scheme: before }: Request, scheme: string, newPort: boolean): string {
  const [, host = authority, port] = /^(.*[^:]):(\d+)$/.exec(authority) ?? [];
  if (port === undefined) return host;
  const wasDefault = port === (before === 'https' ? '443' : '80');
  return newPort || (wasDefault && scheme !== before) ? host : authority;
}
