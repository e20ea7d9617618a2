import type { Json } from '../resources.ts';

/** What matchers ask of a request. */
export interface RequestFacts {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Host with port as sent. */
  readonly authority: string;
  readonly scheme: string;
  /** All values of a header joined by ',', undefined where it is absent. The name is lower case and no pseudo-header. */
  header(lowerName: string): string | undefined;
  /** Whether one of the lines of a header passes, undefined where it is absent. Without it a header is one line. */
  someValue?(lowerName: string, test: (value: string) => boolean): boolean | undefined;
}

/** What matchers ask of the connection under a request, or of a plain TCP connection. */
export interface PeerFacts {
  /** Address of the socket's other end. */
  readonly directRemoteAddress: string;
  /** The client as X-Forwarded-For or the proxy protocol tell it; else the direct one. */
  readonly remoteAddress: string;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** SNI, '' for none. */
  readonly requestedServerName: string;
  /** Names a verified peer goes by: URI names, or else DNS names, or else the subject. Empty where nobody proved anything. */
  readonly principals: readonly string[];
  /** Whether its certificate was held against roots or hashes, and passed. */
  readonly validated: boolean;
  /** Whether it showed a certificate at all. */
  readonly presented: boolean;
  /** Dynamic metadata by filter name. */
  metadata(filter: string): { readonly [key: string]: Json } | undefined;
  /** All of it, by filter name; undefined for none. */
  readonly allMetadata?: { readonly [filter: string]: { readonly [key: string]: Json } } | undefined;
}

/** The getter of a header that may be one of HTTP/2's pseudo-headers. */
export function headerGetter(name: string): (request: RequestFacts) => string | undefined {
  const lower = name.toLowerCase();
  return pseudoHeaderGetter(lower) ?? ((request) => request.header(lower));
}

/** The getter of what every request has; undefined where the name is a header's. */
export function pseudoHeaderGetter(lowerName: string): ((request: RequestFacts) => string) | undefined {
  switch (lowerName) {
    case ':method':
      return (request) => request.method;
    case ':path':
      return (request) => request.path;
    case ':authority':
    case 'host':
      return (request) => request.authority;
    case ':scheme':
      return (request) => request.scheme;
    default:
      return undefined;
  }
}

/** A test that one of the lines of a header has to pass; undefined where it is absent. No pseudo-header. */
export function headerTester(
  lowerName: string,
  test: (value: string) => boolean,
): (request: RequestFacts) => boolean | undefined {
  return (request) => {
    if (request.someValue !== undefined) return request.someValue(lowerName, test);
    const value = request.header(lowerName);
    return value === undefined ? undefined : test(value);
  };
}

let lastPath = '';
let lastPathOnly = '';

/** The path without query and fragment. Many rules ask for that of one request: the last answer is remembered. */
export function pathOnly(path: string): string {
  if (path === lastPath) {
    lastPath = path; // the same text as another object takes long to compare, the same object does not
    return lastPathOnly;
  }
  const query = path.indexOf('?');
  const fragment = path.indexOf('#');
  const end = query < 0 ? fragment : fragment < 0 ? query : Math.min(query, fragment);
  lastPath = path;
  lastPathOnly = end < 0 ? path : path.slice(0, end);
  return lastPathOnly;
}
