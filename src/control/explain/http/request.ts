import type { RequestFacts } from '../../../xds/match/facts.ts';
import type { Json } from '../../../xds/resources.ts';

/** Headers in order, names in lower case. */
export type Headers = readonly (readonly [name: string, value: string])[];

/** A request on its way. Immutable: what changes it makes a new one. */
export interface Request {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** Without host and pseudo-headers. */
  readonly headers: Headers;
  /** What its token says, where it carries one. */
  readonly claims?: Readonly<Record<string, Json>>;
}

/** An answer. */
export interface Response {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where an application wrote it. */
  readonly body: string | undefined;
  /** Where it comes from: a proxy's own words for it (`route_not_found`), or `via_upstream`. */
  readonly details: string;
}

/** What matchers ask of a request. */
export function factsOf(request: Request): RequestFacts {
  const { method, path, authority, scheme, headers } = request;
  return { method, path, authority, scheme, header: (lowerName) => headerOf(headers, lowerName) };
}

/** All values joined by ','; undefined where it is absent. */
export function headerOf(headers: Headers, lowerName: string): string | undefined {
  const values = headers.filter(([name]) => name === lowerName).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
}

/** One value in the place of all there were. */
export function withHeader(headers: Headers, lowerName: string, value: string): Headers {
  const at = headers.findIndex(([name]) => name === lowerName);
  const header = [lowerName, value] as const;
  if (at < 0) return [...headers, header];
  return headers.flatMap((one, i) => (i === at ? [header] : one[0] === lowerName ? [] : [one]));
}

export function withoutHeader(headers: Headers, lowerName: string): Headers {
  return headers.filter(([name]) => name !== lowerName);
}

/** Whether answers are read as gRPC's: errors are in trailers there. */
export function isGrpc(request: Request): boolean {
  return headerOf(request.headers, 'content-type')?.startsWith('application/grpc') ?? false;
}
