import type { TestCase, TestExpectation } from '../../api/weft/traffic-test.ts';
import { type Failure, type Finding, UNOBSERVED } from './finding.ts';
import type { Answer, Aspect, Observation, Untestable } from './observation.ts';
import { judgeShares } from './shares.ts';

/** What became of one request of a test. */
export interface Verdict {
  /** Everything that was seen is as expected, and something was seen. */
  readonly pass: boolean;
  /** Expectations that do not hold, and those that nobody could look at. */
  readonly failures: readonly Failure[];
  /** Names of the latter. */
  readonly unobserved: readonly string[];
}

/** Holds what an engine saw against what a test expects. */
export function judge(test: TestCase, answer: Answer): Verdict {
  const { times = 1, expect } = test;
  const found = checksOf(expect).map(({ aspect, what, expected, actual }): Finding => {
    const hidden = answer.observations.some(({ unobserved }) => unobserved.has(aspect));
    if (hidden) return { what, expected, actual: UNOBSERVED, holds: undefined };
    return { what, expected, ...overall(answer, expected, actual) };
  });
  const shares = expect.shares === undefined ? [] : judgeShares(expect.shares, times, answer);
  const mirrors = expect.mirroredTo === undefined ? [] : [judgeMirrors(expect.mirroredTo, times, answer)];
  const same = expect.sameWorkload === undefined ? [] : [judgeSame(expect.sameWorkload, answer)];
  const all = [...found, ...shares, ...same, ...mirrors];
  return {
    pass: all.every(({ holds }) => holds !== false) && all.some(({ holds }) => holds === true),
    failures: all
      .filter(({ holds }) => holds !== true)
      .map(({ what, expected, actual }) => ({ what, expected, actual })),
    unobserved: all.filter(({ holds }) => holds === undefined).map(({ what }) => what),
  };
}

/** An engine that could not even try. */
export function untestable({ field, message }: Untestable): Verdict {
  return {
    pass: false,
    failures: [{ what: field, expected: 'a request that can be made', actual: message }],
    unobserved: [],
  };
}

/** One value that is expected, and how it is read off an observation; undefined: not seen there. */
interface Check {
  readonly aspect: Aspect;
  readonly what: string;
  readonly expected: string;
  readonly actual: (seen: Observation) => string | undefined;
}

function checksOf(expect: TestExpectation): readonly Check[] {
  const plain = (['status', 'tcp', 'cluster', 'tls', 'deniedBy', 'attempts'] as const).flatMap(
    (aspect): Check[] =>
      expect[aspect] === undefined
        ? []
        : [
            {
              aspect,
              what: aspect,
              expected: String(expect[aspect]),
              actual: (seen) => String(seen[aspect]),
            },
          ],
  );
  return [
    ...plain,
    ...workloadCheck(expect),
    ...receivedChecks(expect),
    ...responseChecks(expect),
    ...timeCheck(expect),
  ];
}

function workloadCheck({ workload: expected }: TestExpectation): Check[] {
  if (expected === undefined) return [];
  const actual = ({ workload }: Observation): string =>
    workload.includes(expected) ? expected : (workload[0] ?? 'nobody');
  return [{ aspect: 'workload', what: 'workload', expected, actual }];
}

const ABSENT = 'absent';

function receivedChecks({ received }: TestExpectation): Check[] {
  if (received === undefined) return [];
  const check = (what: string, expected: string, actual: Check['actual']): Check => ({
    aspect: 'received',
    what: `received.${what}`,
    expected,
    actual: (seen) => (seen.received === undefined ? 'nobody received it' : actual(seen)),
  });
  const { path, authority, headers = {}, absentHeaders = [] } = received;
  return [
    ...(path === undefined ? [] : [check('path', path, (seen) => seen.received?.path)]),
    ...(authority === undefined ? [] : [check('authority', authority, (seen) => seen.received?.authority)]),
    ...Object.entries(headers).map(([name, value]) =>
      check(`headers.${name}`, value, (seen) => seen.received?.headers[name.toLowerCase()] ?? ABSENT),
    ),
    ...absentHeaders.map((name) =>
      check(`absentHeaders.${name}`, ABSENT, (seen) => seen.received?.headers[name.toLowerCase()] ?? ABSENT),
    ),
  ];
}

function responseChecks({ response }: TestExpectation): Check[] {
  const { headers = {}, body } = response ?? {};
  return [
    ...Object.entries(headers).map(
      ([name, expected]): Check => ({
        aspect: 'response',
        what: `response.headers.${name}`,
        expected,
        actual: (seen) => seen.response.headers[name.toLowerCase()] ?? ABSENT,
      }),
    ),
    ...(body === undefined
      ? []
      : [
          {
            aspect: 'response',
            what: 'response.body',
            expected: body,
            actual: (seen: Observation) => seen.response.body,
          } as const,
        ]),
  ];
}

function timeCheck({ afterMs }: TestExpectation): Check[] {
  if (afterMs === undefined) return [];
  const { atLeast = 0, atMost = Number.POSITIVE_INFINITY } = afterMs;
  const expected = `${atLeast} to ${atMost}`;
  const actual = ({ afterMs: took }: Observation): string | undefined => {
    if (took === undefined) return undefined;
    return took >= atLeast && took <= atMost ? expected : String(took);
  };
  return [{ aspect: 'afterMs', what: 'afterMs', expected, actual }];
}

/** A value must be as expected in every way that the request went. */
function overall(
  { observations }: Answer,
  expected: string,
  actual: Check['actual'],
): Pick<Finding, 'actual' | 'holds'> {
  const seen = new Map<string, number>();
  for (const one of observations) {
    const value = actual(one);
    if (value === undefined) return { actual: UNOBSERVED, holds: undefined };
    seen.set(value, (seen.get(value) ?? 0) + one.share);
  }
  const texts = [...seen].map(([value, share]) => (seen.size === 1 ? value : `${value} (${percent(share)})`));
  return { actual: texts.join(', '), holds: seen.size === 1 && seen.has(expected) };
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

/** Whether all requests went to one workload, whichever it is. */
function judgeSame(expected: boolean, { observations }: Answer): Finding {
  const workloads = new Set(observations.map(({ workload }) => workload[0] ?? ''));
  const hidden = observations.some(({ unobserved }) => unobserved.has('sameWorkload'));
  const same = workloads.size === 1 || observations.every(({ sticky }) => sticky === true);
  return {
    what: 'sameWorkload',
    expected: String(expected),
    actual: hidden ? UNOBSERVED : String(same),
    holds: hidden ? undefined : same === expected,
  };
}

/** Every request must be copied to all of them; of many requests, all together to all of them. */
function judgeMirrors(expected: readonly string[], times: number, { observations }: Answer): Finding {
  const wanted = [...expected].sort().join(', ');
  const each = observations.map(({ mirroredTo }) => mirroredTo);
  const together = [...new Set(each.flat())].sort().join(', ');
  const texts = times > 1 ? [together] : [...new Set(each.map((list) => list.join(', ')))];
  const hidden = observations.some(({ unobserved }) => unobserved.has('mirroredTo'));
  return {
    what: 'mirroredTo',
    expected: wanted === '' ? 'nobody' : wanted,
    actual: hidden ? UNOBSERVED : texts.map((text) => (text === '' ? 'nobody' : text)).join(' or '),
    holds: hidden ? undefined : texts.length === 1 && texts[0] === wanted,
  };
}
