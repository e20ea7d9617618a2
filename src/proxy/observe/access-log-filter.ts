import { isInShare, perMillion } from '../../xds/match/fraction.ts';
import { compileHeaderMatcher } from '../../xds/match/header-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { HttpConnectionManager } from '../../xds/resources.ts';
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
  const { header_filter, runtime_filter, not_health_check_filter, traceable_filter, ...rest } = message;
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
  // Requests of health checks are none that this proxy knows of; everything else is logged.
  if (not_health_check_filter !== undefined || traceable_filter !== undefined) return () => true;
  return () => true;
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
