import type { HeaderChanges, HeaderPolicy } from '../../../mesh/route.ts';
import type { Route } from '../../../xds/resources.ts';

/** Changes of headers as routes and weighted clusters carry them. */
export type HeaderFields = Pick<
  Route,
  | 'request_headers_to_add'
  | 'request_headers_to_remove'
  | 'response_headers_to_add'
  | 'response_headers_to_remove'
>;

type HeaderOption = NonNullable<Route['request_headers_to_add']>[number];

/** Changes of several policies, in their order. The authority is not a header here: see {@link authorityOf}. */
export function headerFields(...policies: readonly (HeaderPolicy | undefined)[]): HeaderFields {
  const given = policies.filter((policy) => policy !== undefined);
  const requestAdd = given.flatMap((policy) => options(policy.request));
  const requestRemove = given.flatMap((policy) => policy.request.remove.filter(isPlain));
  const responseAdd = given.flatMap((policy) => options(policy.response));
  const responseRemove = given.flatMap((policy) => policy.response.remove.filter(isPlain));
  return {
    ...(requestAdd.length === 0 ? {} : { request_headers_to_add: requestAdd }),
    ...(requestRemove.length === 0 ? {} : { request_headers_to_remove: requestRemove }),
    ...(responseAdd.length === 0 ? {} : { response_headers_to_add: responseAdd }),
    ...(responseRemove.length === 0 ? {} : { response_headers_to_remove: responseRemove }),
  };
}

/** The authority that a policy sets (or else adds), which Envoy wants as a rewrite. */
export function authorityOf(policy: HeaderPolicy | undefined): string | undefined {
  if (policy === undefined) return undefined;
  return [...policy.request.set, ...policy.request.add].find(([name]) => isAuthority(name))?.[1];
}

function options(changes: HeaderChanges): HeaderOption[] {
  const make =
    (append_action: NonNullable<HeaderOption['append_action']>) =>
    ([key, value]: readonly [string, string]): HeaderOption => ({ header: { key, value }, append_action });
  return [
    ...changes.set.filter(([name]) => isPlain(name)).map(make('OVERWRITE_IF_EXISTS_OR_ADD')),
    ...changes.add.filter(([name]) => isPlain(name)).map(make('APPEND_IF_EXISTS_OR_ADD')),
  ];
}

function isPlain(name: string): boolean {
  return !name.startsWith(':') && name.toLowerCase() !== 'host';
}

function isAuthority(name: string): boolean {
  return name.toLowerCase() === ':authority' || name.toLowerCase() === 'host';
}
