import type { config_rbac_v3_Principal } from '../gen/types.ts';
import { compileHeaderMatcher } from './header-matcher.ts';
import {
  allOf,
  anyOf,
  inCidr,
  metadataTest,
  not,
  type RbacTest,
  type SourcedMetadata,
  urlPath,
} from './rbac-sets.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { compileStringMatcher } from './string-matcher.ts';

/** Filter state that Istio keeps the verified peer's SPIFFE id in: here it is the principal itself. */
const PEER_PRINCIPAL = 'io.istio.peer_principal';

/** config.rbac.v3.Principal: who does it. */
export function principalTest(principal: config_rbac_v3_Principal, refuse: Refuse, field: string): RbacTest {
  const { and_ids, or_ids, not_id, any, ...more } = principal;
  const each = (ids: readonly config_rbac_v3_Principal[] | undefined, name: string): RbacTest[] =>
    (ids ?? []).map((id, i) => principalTest(id, refuse, fieldIn(field, `${name}.ids[${i}]`)));
  if (and_ids !== undefined) return allOf(each(and_ids.ids, 'and_ids'));
  if (or_ids !== undefined) return anyOf(each(or_ids.ids, 'or_ids'));
  if (not_id !== undefined) return not(principalTest(not_id, refuse, fieldIn(field, 'not_id')));
  if (any !== undefined) return () => any;
  return identityTest(more, refuse, field);
}

/** Whether a principal is found out without looking at a request. */
export function isOfConnection(principal: config_rbac_v3_Principal): boolean {
  const { and_ids, or_ids, not_id, header, url_path, metadata } = principal;
  if (header !== undefined || url_path !== undefined || metadata !== undefined) return false;
  if ('sourced_metadata' in principal) return false;
  if (not_id !== undefined) return isOfConnection(not_id);
  return [...(and_ids?.ids ?? []), ...(or_ids?.ids ?? [])].every(isOfConnection);
}

/** Whether it is found out by the names alone that the caller has proven. */
export function isOfIdentity(principal: config_rbac_v3_Principal): boolean {
  const { and_ids, or_ids, not_id, any, authenticated, filter_state } = principal;
  if (not_id !== undefined) return isOfIdentity(not_id);
  const ids = and_ids?.ids ?? or_ids?.ids;
  if (ids !== undefined) return ids.every(isOfIdentity);
  return any !== undefined || authenticated !== undefined || filter_state !== undefined;
}

type Leaf = Omit<config_rbac_v3_Principal, 'and_ids' | 'or_ids' | 'not_id' | 'any'>;

function identityTest(principal: Leaf, refuse: Refuse, field: string): RbacTest {
  const { authenticated, filter_state, ...more } = principal;
  if (authenticated !== undefined) {
    const { principal_name, ...rest } = authenticated;
    refuseRest(refuse, fieldIn(field, 'authenticated'), rest);
    if (principal_name === undefined) return (_, peer) => peer.principals.length > 0;
    const test = compileStringMatcher(principal_name, refuse, fieldIn(field, 'authenticated.principal_name'));
    return (_, peer) => peer.principals.some(test);
  }
  if (filter_state === undefined) return addressTest(more, refuse, field);
  if (filter_state.key !== PEER_PRINCIPAL)
    refuse(fieldIn(field, 'filter_state.key'), `only '${PEER_PRINCIPAL}' is known`);
  const test = compileStringMatcher(
    filter_state.string_match ?? {},
    refuse,
    fieldIn(field, 'filter_state.string_match'),
  );
  return (_, peer) => peer.principals.some(test);
}

function addressTest(
  principal: Omit<Leaf, 'authenticated' | 'filter_state'>,
  refuse: Refuse,
  field: string,
): RbacTest {
  const { source_ip, direct_remote_ip, remote_ip, ...more } = principal;
  if (source_ip !== undefined)
    return inCidr(source_ip, (peer) => peer.remoteAddress, refuse, fieldIn(field, 'source_ip'));
  if (direct_remote_ip !== undefined)
    return inCidr(
      direct_remote_ip,
      (peer) => peer.directRemoteAddress,
      refuse,
      fieldIn(field, 'direct_remote_ip'),
    );
  if (remote_ip !== undefined)
    return inCidr(remote_ip, (peer) => peer.remoteAddress, refuse, fieldIn(field, 'remote_ip'));
  return requestTest(more, refuse, field);
}

function requestTest(
  principal: Pick<Leaf, 'header' | 'url_path' | 'metadata'>,
  refuse: Refuse,
  field: string,
): RbacTest {
  const { header, url_path, metadata, sourced_metadata, ...rest } = principal as typeof principal & {
    readonly sourced_metadata?: SourcedMetadata;
  };
  refuseRest(refuse, field, rest);
  if (url_path !== undefined) return urlPath(url_path, refuse, fieldIn(field, 'url_path'));
  if (header !== undefined) {
    const test = compileHeaderMatcher(header, refuse, fieldIn(field, 'header'));
    return (request) => request !== undefined && test(request);
  }
  const ofMetadata = metadataTest(metadata, sourced_metadata, refuse, field);
  if (ofMetadata !== undefined) return ofMetadata;
  refuse(field, 'says nothing of who it is');
  return () => false;
}
