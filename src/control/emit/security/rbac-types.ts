import type {
  FilterChain,
  HttpConnectionManager,
  RbacPermission,
  RbacPrincipal,
} from '../../../xds/resources.ts';

// Short names for pieces of what this folder makes.

export type HttpFilter = NonNullable<HttpConnectionManager['http_filters']>[number];
export type NetworkFilter = NonNullable<FilterChain['filters']>[number];

export function anyOfPrincipals(ids: readonly RbacPrincipal[]): RbacPrincipal {
  return ids.length === 1 ? (ids[0] as RbacPrincipal) : { or_ids: { ids } };
}

export function allOfPrincipals(ids: readonly RbacPrincipal[]): RbacPrincipal {
  if (ids.length === 0) return { any: true };
  return ids.length === 1 ? (ids[0] as RbacPrincipal) : { and_ids: { ids } };
}

export function anyOfPermissions(rules: readonly RbacPermission[]): RbacPermission {
  return rules.length === 1 ? (rules[0] as RbacPermission) : { or_rules: { rules } };
}

export function allOfPermissions(rules: readonly RbacPermission[]): RbacPermission {
  if (rules.length === 0) return { any: true };
  return rules.length === 1 ? (rules[0] as RbacPermission) : { and_rules: { rules } };
}
