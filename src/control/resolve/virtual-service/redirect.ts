import type { HttpRedirect } from '../../../api/istio/virtual-service/rewrite.ts';
import type { Redirect } from '../../../mesh/route.ts';

/** An answer that sends the client elsewhere: 301 unless written. */
export function redirect(spec: HttpRedirect): Redirect {
  return {
    type: 'redirect',
    ...set('path', spec.uri),
    ...set('prefix', spec.prefixRewrite),
    ...set('authority', spec.authority),
    ...set('scheme', spec.scheme),
    ...portOf(spec),
    status: spec.redirectCode === undefined || spec.redirectCode === 0 ? 301 : spec.redirectCode,
  };
}

function portOf(spec: HttpRedirect): Pick<Redirect, 'port'> {
  if (spec.port !== undefined && spec.port !== 0) return { port: spec.port };
  if (spec.derivePort === undefined) return {};
  return { port: spec.derivePort === 'FROM_REQUEST_PORT' ? 'request' : 'default' };
}

function set<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined || value === '' ? {} : ({ [key]: value } as { [P in K]?: string });
}
