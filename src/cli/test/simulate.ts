import type { TestCase } from '../../api/weft/traffic-test.ts';
import { type Call, parseCaller, parseTarget } from '../../control/explain/call.ts';
import { type Headers, headerOf } from '../../control/explain/http/request.ts';
import { type Journey, journeys } from '../../control/explain/journeys.ts';
import type { ExplainMesh } from '../../control/explain/mesh.ts';
import { UnknownCaller } from '../../control/explain/unknown-caller.ts';
import { withKept } from './kept-headers.ts';
import { type Answer, type Aspect, type Observation, type Seen, Untestable } from './observation.ts';

/** The engine `simulate`: every way the request can go through what the mesh compiles to, with its exact share. */
export function simulate(mesh: ExplainMesh, test: TestCase): Answer {
  try {
    const call = callOf(test);
    const ways = journeys(mesh, call);
    const whole = ways.reduce((sum, { probability }) => sum + probability, 0);
    const complete = whole > 1 - 1e-6;
    return { observations: ways.map((journey) => kept(mesh, test, call, observe(journey, whole, complete))) };
  } catch (error) {
    if (error instanceof UnknownCaller) throw new Untestable('from', error.message);
    throw error;
  }
}

/** With what the client keeps of the answer: whether it stays where it is. */
function kept(mesh: ExplainMesh, { send }: TestCase, call: Call, first: Observation): Observation {
  const { keeps = [] } = send;
  if (keeps.length === 0) return first;
  const headers = withKept(call.headers, keeps, first.response.headers, call.target.path);
  const next = journeys(mesh, { ...call, headers });
  const stays = next.every(({ ending: { arrival } }) => arrival?.workload === first.workload[0]);
  return { ...first, sticky: stays };
}

function callOf({ from, send }: TestCase): Call {
  const caller = parseCaller(from);
  if (caller === undefined) throw new Untestable('from', `"${from}" is nobody`);
  const { url = '', method, sni = '', plaintext = false, jwt } = send;
  const target = parseTarget(url);
  if (target === undefined) throw new Untestable('send.url', `"${url}" is not a URL`);
  const headers = Object.entries(send.headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  const standard = target.scheme === 'grpc' ? 'POST' : 'GET';
  const call = { from: caller, target, method: method ?? standard, headers, sni, plaintext };
  return jwt === undefined ? call : { ...call, jwt };
}

/** `complete`: no way is missing for there being too many. */
function observe({ probability, ending, trace }: Journey, whole: number, complete: boolean): Observation {
  const { arrival, response, failure, outcome } = ending;
  const request = arrival?.request;
  const { deniedBy } = trace;
  const closed = response === undefined && (failure !== undefined || arrival === undefined);
  return {
    share: probability / whole,
    status: response?.status ?? 0,
    tcp: closed ? 'refused' : 'accepted',
    workload: arrival === undefined ? [] : [arrival.workload, ...arrival.names],
    cluster: trace.hops[0]?.cluster ?? '',
    received: request && {
      path: request.path,
      authority: request.authority,
      headers: named(request.headers),
    },
    response: { headers: named(response?.headers ?? []), body: response?.body },
    mirroredTo: [...trace.mirroredTo].sort(),
    tls: ending.tls,
    deniedBy:
      deniedBy === undefined || (outcome !== 'deny' && outcome !== 'refuse')
        ? ''
        : `${deniedBy.kind}/${deniedBy.namespace}/${deniedBy.name}`,
    attempts: trace.hops.find(({ attempts }) => attempts > 0)?.attempts ?? 0,
    sticky: trace.sticky,
    afterMs: undefined,
    unobserved: unobserved(trace.unsure, complete),
  };
}

const EVERYTHING: readonly Aspect[] = [
  'status',
  'tcp',
  'workload',
  'shares',
  'sameWorkload',
  'cluster',
  'received',
  'response',
  'mirroredTo',
  'tls',
  'deniedBy',
  'attempts',
];

/** What simulation cannot tell: never how long it takes. (A body that is undefined is an application's.) */
function unobserved(unsure: Journey['trace']['unsure'], complete: boolean): ReadonlySet<Aspect> {
  return new Set<Aspect>([
    'afterMs',
    ...(unsure.has('everything') ? EVERYTHING : []),
    ...(unsure.has('workload') ? (['workload', 'shares'] as const) : []),
    ...(unsure.has('shares') ? (['shares'] as const) : []),
    ...(complete ? [] : (['shares', 'mirroredTo'] as const)),
    ...(unsure.has('headers') ? (['received', 'response'] as const) : []),
  ]);
}

function named(headers: Headers): Seen['headers'] {
  return Object.fromEntries(headers.map(([name]) => [name, headerOf(headers, name) ?? '']));
}
