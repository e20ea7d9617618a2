import type { config_rbac_v3_Permission } from '../gen/types.ts';
import { pathOnly } from './facts.ts';
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
import { readMatchPolicy } from './uri-template.ts';

/** config.rbac.v3.Permission: what is done. */
export function permissionTest(
  permission: config_rbac_v3_Permission,
  refuse: Refuse,
  field: string,
): RbacTest {
  const { and_rules, or_rules, not_rule, any, ...more } = permission;
  const each = (rules: readonly config_rbac_v3_Permission[] | undefined, name: string): RbacTest[] =>
    (rules ?? []).map((rule, i) => permissionTest(rule, refuse, fieldIn(field, `${name}.rules[${i}]`)));
  if (and_rules !== undefined) return allOf(each(and_rules.rules, 'and_rules'));
  if (or_rules !== undefined) return anyOf(each(or_rules.rules, 'or_rules'));
  if (not_rule !== undefined) return not(permissionTest(not_rule, refuse, fieldIn(field, 'not_rule')));
  if (any !== undefined) return () => any;
  return requestTest(more, refuse, field);
}

type Leaf = Omit<config_rbac_v3_Permission, 'and_rules' | 'or_rules' | 'not_rule' | 'any'>;

function requestTest(permission: Leaf, refuse: Refuse, field: string): RbacTest {
  const { header, url_path, uri_template, ...more } = permission;
  if (uri_template !== undefined) return uriTemplate(uri_template, refuse, fieldIn(field, 'uri_template'));
  if (url_path !== undefined) return urlPath(url_path, refuse, fieldIn(field, 'url_path'));
  if (header === undefined) return connectionTest(more, refuse, field);
  const test = compileHeaderMatcher(header, refuse, fieldIn(field, 'header'));
  return (request) => request !== undefined && test(request);
}

/** The path without its query, by a template. */
function uriTemplate(
  { typed_config }: NonNullable<Leaf['uri_template']>,
  refuse: Refuse,
  field: string,
): RbacTest {
  const { regex } = readMatchPolicy(typed_config, refuse, fieldIn(field, 'typed_config'));
  return (request) => request !== undefined && regex.matches(pathOnly(request.path));
}

function connectionTest(
  permission: Omit<Leaf, 'header' | 'url_path' | 'uri_template'>,
  refuse: Refuse,
  field: string,
): RbacTest {
  const {
    destination_ip,
    destination_port,
    destination_port_range,
    metadata,
    requested_server_name,
    sourced_metadata,
    ...rest
  } = permission as typeof permission & { readonly sourced_metadata?: SourcedMetadata };
  refuseRest(refuse, field, rest);
  if (destination_ip !== undefined)
    return inCidr(
      destination_ip,
      (peer) => peer.destinationAddress,
      refuse,
      fieldIn(field, 'destination_ip'),
    );
  if (destination_port !== undefined) return (_, peer) => peer.destinationPort === destination_port;
  if (destination_port_range !== undefined) {
    const { start = 0, end = 0 } = destination_port_range;
    return (_, peer) => peer.destinationPort >= start && peer.destinationPort < end;
  }
  if (requested_server_name !== undefined) {
    const test = compileStringMatcher(requested_server_name, refuse, fieldIn(field, 'requested_server_name'));
    return (_, peer) => test(peer.requestedServerName);
  }
  const ofMetadata = metadataTest(metadata, sourced_metadata, refuse, field);
  if (ofMetadata !== undefined) return ofMetadata;
  refuse(field, 'says nothing of what is permitted');
  return () => false;
}
