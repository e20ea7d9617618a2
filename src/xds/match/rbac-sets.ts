import { cidrContains, cidrOf } from '../../lib/cidr.ts';
import { parseIpAddress } from '../../lib/ip-address.ts';
import type {
  config_core_v3_CidrRange,
  type_matcher_v3_MetadataMatcher,
  type_matcher_v3_PathMatcher,
} from '../gen/types.ts';
import { type PeerFacts, pathOnly, type RequestFacts } from './facts.ts';
import { compileMetadataMatcher } from './metadata-matcher.ts';
import { fieldIn, type Refuse } from './refuse.ts';
import { compileStringMatcher } from './string-matcher.ts';

/** A test of a request, or of a connection alone: there `request` is undefined and what asks for it fails. */
export type RbacTest = (request: RequestFacts | undefined, peer: PeerFacts) => boolean;

/** Every one of them. Rules run for every request: plain loops, and none around a single test. */
export function allOf(tests: readonly RbacTest[]): RbacTest {
  const [first, second] = tests as readonly [RbacTest, RbacTest];
  if (tests.length === 1) return first;
  if (tests.length === 2) return (request, peer) => first(request, peer) && second(request, peer);
  return (request, peer) => {
    for (let i = 0; i < tests.length; i++) if (!(tests[i] as RbacTest)(request, peer)) return false;
    return true;
  };
}

/** At least one of them. */
export function anyOf(tests: readonly RbacTest[]): RbacTest {
  if (tests.length === 1) return tests[0] as RbacTest;
  return (request, peer) => {
    for (let i = 0; i < tests.length; i++) if ((tests[i] as RbacTest)(request, peer)) return true;
    return false;
  };
}

export const not =
  (test: RbacTest): RbacTest =>
  (request, peer) =>
    !test(request, peer);

/** Whether an address of the connection is in the range. */
export function inCidr(
  range: config_core_v3_CidrRange,
  address: (peer: PeerFacts) => string,
  refuse: Refuse,
  field: string,
): RbacTest {
  const { address_prefix = '', prefix_len = 0 } = range;
  const bytes = parseIpAddress(address_prefix);
  const cidr = bytes === undefined ? undefined : cidrOf(bytes, prefix_len);
  if (cidr === undefined) {
    refuse(field, `'${address_prefix}/${prefix_len}' is no address range`);
    return () => false;
  }
  return (_, peer) => cidrContains(cidr, address(peer));
}

/** `sourced_metadata`, newer than the generated types. */
export interface SourcedMetadata {
  readonly metadata_matcher?: type_matcher_v3_MetadataMatcher;
  /** DYNAMIC where it is absent; ROUTE is refused: nobody here knows of routes. */
  readonly metadata_source?: string;
}

/** Whether metadata of the request says so. */
export function metadataTest(
  matcher: type_matcher_v3_MetadataMatcher | undefined,
  sourced: SourcedMetadata | undefined,
  refuse: Refuse,
  field: string,
): RbacTest | undefined {
  if (matcher === undefined && sourced === undefined) return undefined;
  const { metadata_source = 'DYNAMIC', metadata_matcher } = sourced ?? {};
  if (metadata_source !== 'DYNAMIC')
    refuse(
      fieldIn(field, 'sourced_metadata.metadata_source'),
      `'${metadata_source}' is not supported by this proxy`,
    );
  const place = fieldIn(field, matcher === undefined ? 'sourced_metadata.metadata_matcher' : 'metadata');
  const test = compileMetadataMatcher(matcher ?? metadata_matcher ?? {}, refuse, place);
  return (_, peer) => test((filter) => peer.metadata(filter));
}

/** Whether the path without its query matches. */
export function urlPath(matcher: type_matcher_v3_PathMatcher, refuse: Refuse, field: string): RbacTest {
  const test = compileStringMatcher(matcher.path ?? {}, refuse, fieldIn(field, 'path'));
  return (request) => request !== undefined && test(pathOnly(request.path));
}
