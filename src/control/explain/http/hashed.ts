import { queryParameter } from '../../../xds/match/query.ts';
import type { RouteAction } from '../../../xds/resources.ts';
import { headerOf, type Request } from './request.ts';

/** Whether a request has something of what a route hashes: then all that are like it go to one endpoint. */
export function isHashed({ hash_policy = [] }: RouteAction, { headers, path }: Request): boolean {
  return hash_policy.some(({ header, cookie, query_parameter, connection_properties }) => {
    if (header !== undefined) return headerOf(headers, header.header_name?.toLowerCase() ?? '') !== undefined;
    // One that the proxy makes for a client that has none is another one each time.
    if (cookie !== undefined) return hasCookie(headerOf(headers, 'cookie') ?? '', cookie.name ?? '');
    if (query_parameter !== undefined) return queryParameter(path, query_parameter.name ?? '') !== undefined;
    return connection_properties?.source_ip === true;
  });
}

function hasCookie(cookies: string, name: string): boolean {
  return cookies.split(';').some((part) => part.trim().startsWith(`${name}=`));
}
