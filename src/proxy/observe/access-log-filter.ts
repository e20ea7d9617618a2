import { GRPC_STATUS_NAMES } from '../../lib/grpc-status-names.ts';
import { isInShare, perMillion } from '../../xds/match/fraction.ts';
import { compileHeaderMatcher } from '../../xds/match/header-matcher.ts';
import { compileMetadataMatcher } from '../../xds/match/metadata-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { HttpConnectionManager, Json } from '../../xds/resources.ts';
import { grpcStatusOf } from './operators.ts';
import { flagOfLetters } from './response-flags.ts';
import type { StreamFacts } from './stream-facts.ts';

type Message = NonNullable<NonNullable<HttpConnectionManager['access_log']>[number]['filter']>;
type Test = (facts: StreamFacts) => boolean;
type Comparison = NonNullable<NonNullable<Message['status_code_filter']>['comparison']>;

/** config.accesslog.v3.AccessLogFilter: whether a stream is logged. */
export function readAccessLogFilter(message: Message, refuse: Refuse, field: string): Test {
  const { and_filter, or_filter, status_code_filter, duration_filter, response_flag_filter, ...more } =
    message;
  const each = (filters: readonly Message[] | undefined, name: string): Test[] =>
    (filters ?? []).map((filter, i) =>
      readAccessLogFilter(filter, refuse, fieldIn(field, `${name}.filters[${i}]`)),
    );
  if (and_filter !== undefined) {
    const tests = each(and_filter.filters, 'and_filter');
    return (facts) => tests.every((test) => test(facts));
  }
  if (or_filter !== undefined) {
    const tests = each(or_filter.filters, 'or_filter');
    return (facts) => tests.some((test) => test(facts));
  }
  if (status_code_filter !== undefined) {
    const compare = comparison(status_code_filter.comparison ?? {});
    return (facts) => compare(facts.responseCode);
  }
  if (duration_filter !== undefined) {
    const compare = comparison(duration_filter.comparison ?? {});
    return (facts) => compare(facts.durationMs);
  }
  if (response_flag_filter !== undefined) return flagTest(response_flag_filter.flags ?? [], refuse, field);
  return readMore(more, refuse, field);
}

function readMore(
  message: Omit<
    Message,
    'and_filter' | 'or_filter' | 'status_code_filter' | 'duration_filter' | 'response_flag_filter'
  >,
  refuse: Refuse,
  field: string,
): Test {
  const { header_filter, runtime_filter, not_health_check_filter, traceable_filter, ...more } = message;
  const { grpc_status_filter, metadata_filter, log_type_filter, ...rest } = more;
  refuseRest(refuse, field, rest);
  if (header_filter?.header !== undefined) {
    const test = compileHeaderMatcher(header_filter.header, refuse, fieldIn(field, 'header_filter.header'));
    return ({ request }) => request !== undefined && test(request);
  }
  if (runtime_filter !== undefined) {
    const share = perMillion(runtime_filter.percent_sampled);
    let draw = 0;
    // Every n-th entry, evenly: what is sampled does not depend on luck.
    return () => isInShare(share, (draw = (draw + 618_033) % 1_000_000));
  }
  if (traceable_filter !== undefined) return (facts) => facts.isTraced;
  if (grpc_status_filter !== undefined) return grpcStatusTest(grpc_status_filter);
  if (metadata_filter !== undefined)
    return metadataTest(metadata_filter, refuse, fieldIn(field, 'metadata_filter'));
  if (log_type_filter !== undefined) {
    const { types = [], exclude = false } = log_type_filter;
    return (facts) => (types as readonly string[]).includes(facts.logType) !== exclude;
  }
  // Requests of health checks are none that this proxy tells apart; without any field everything is logged.
  void not_health_check_filter;
  return () => true;
}

/** Statuses of gRPC calls; what is no call has the status its HTTP status stands for. */
function grpcStatusTest({
  statuses = [],
  exclude = false,
}: NonNullable<Message['grpc_status_filter']>): Test {
  const wanted = new Set(
    statuses.map((name) => GRPC_STATUS_NAMES.indexOf(name === 'CANCELED' ? 'CANCELLED' : name)),
  );
  return (facts) => wanted.has(grpcStatusOf(facts)) !== exclude;
}

function metadataTest(
  { matcher, match_if_key_not_found = true }: NonNullable<Message['metadata_filter']>,
  refuse: Refuse,
  field: string,
): Test {
  if (matcher === undefined) return () => match_if_key_not_found;
  const keys = (matcher.path ?? []).map(({ key = '' }) => key);
  const test = compileMetadataMatcher(matcher, refuse, fieldIn(field, 'matcher'));
  const filter = matcher.filter ?? '';
  return ({ peer }) =>
    has(peer.metadata(filter), keys) ? test((name) => peer.metadata(name)) : match_if_key_not_found;
}

function has(root: Json | undefined, keys: readonly string[]): boolean {
  let value = root;
  for (const key of keys)
    value =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as { readonly [key: string]: Json })[key]
        : undefined;
  return value !== undefined && value !== null;
}

function comparison({ op = 'EQ', value }: Comparison): (actual: number) => boolean {
  const wanted = value?.default_value ?? 0;
  if (op === 'GE') return (actual) => actual >= wanted;
  return op === 'LE' ? (actual) => actual <= wanted : (actual) => actual === wanted;
}

function flagTest(letters: readonly string[], refuse: Refuse, field: string): Test {
  let mask = 0;
  for (const [i, flag] of letters.entries()) {
    const bit = flagOfLetters(flag);
    if (bit === undefined)
      refuse(fieldIn(field, `response_flag_filter.flags[${i}]`), `'${flag}' is no flag of this proxy`);
    else mask |= bit;
  }
  return letters.length === 0
    ? (facts) => facts.responseFlags !== 0
    : (facts) => (facts.responseFlags & mask) !== 0;
}
