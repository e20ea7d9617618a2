import { type Headers, indexOfHeader } from '../../wire/headers.ts';
import type { MutableRequest } from './http-filter.ts';

/** A request's head while filters and the router work on it. */
export class RequestState implements MutableRequest {
  method: string;
  path: string;
  authority: string;
  /** '' until it is known: HTTP/1 clients do not say it. */
  scheme = '';
  readonly headers: Headers;
  /** A caller inside asks for a trace, and to be told the request's id. */
  forcesTrace = false;

  constructor(method: string, path: string, authority: string, headers: Headers) {
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.headers = headers;
  }

  header(lowerName: string): string | undefined {
    return joined(this.headers, lowerName);
  }

  someValue(lowerName: string, test: (value: string) => boolean): boolean | undefined {
    const { headers } = this;
    let i = indexOfHeader(headers, lowerName, 0);
    if (i < 0) return undefined;
    for (; i >= 0; i = indexOfHeader(headers, lowerName, i + 2))
      if (test(headers[i + 1] as string)) return true;
    return false;
  }
}

/** All values joined by ',' as Envoy joins them for matching. */
export function joined(headers: Headers, lowerName: string): string | undefined {
  let i = indexOfHeader(headers, lowerName, 0);
  if (i < 0) return undefined;
  let value = headers[i + 1] as string;
  for (;;) {
    i = indexOfHeader(headers, lowerName, i + 2);
    if (i < 0) return value;
    value += `,${headers[i + 1]}`;
  }
}
