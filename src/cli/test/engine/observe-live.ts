import type { TestCase } from '../../../api/weft/traffic-test.ts';
import type { CallResult, SeenRequest } from '../../../echo/order.ts';
import { parseIpAddress } from '../../../lib/ip-address.ts';
import type { Aspect, Observation } from '../observation.ts';
import { deniedBy } from './denied-by.ts';
import type { LiveCall } from './live-call.ts';
import type { LoggedCall } from './logged-call.ts';
import { ANYWHERE, type Plan, WORLD } from './plan.ts';

/** Headers that the tools of a run add. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['x-weft-test']);

/** What was seen of one call; `share` is 1 and put right by the caller where there were several. */
export function observe(
  plan: Plan,
  test: TestCase,
  call: LiveCall,
  result: CallResult,
  seen: readonly SeenRequest[],
  logged: LoggedCall,
): Observation {
  const { seen: answered } = result;
  const isHttp = call.order.scheme !== 'tcp';
  const copies = seen.filter((one) => isCopy(one, answered));
  const denied = deniedBy(plan, logged);
  return {
    share: 1,
    status: result.status,
    tcp: result.accepted ? 'accepted' : 'refused',
    workload: answered === undefined ? [] : namesOf(plan, answered, call),
    cluster: call.firstProxy === undefined ? '' : value(logged.first?.cluster),
    received: answered === undefined || !isHttp ? undefined : received(answered),
    response: {
      headers: result.headers,
      body: answered === undefined ? firstLine(result.body) || result.error : undefined,
    },
    mirroredTo: [...new Set(copies.map((one) => namesOf(plan, one, call)[0] ?? ''))].sort(),
    tls: tlsOf(call, answered, logged),
    deniedBy: denied ?? '',
    attempts: logged.attempts,
    afterMs: result.tookMs,
    unobserved: unobserved(test, call, result, logged, denied),
  };
}

/** What a proxy answers by itself. weft's own says in further lines why: they are no part of what tests compare. */
function firstLine(body: string): string {
  return body.split('\n', 1)[0] ?? '';
}

/** A copy is for another authority, or came to somebody else than who answered. */
function isCopy(one: SeenRequest, answered: SeenRequest | undefined): boolean {
  if (one.authority.replace(/:\d+$/, '').endsWith('-shadow')) return true;
  return answered !== undefined && (one.by !== answered.by || one.at !== answered.at);
}

function received({ path, authority, headers }: SeenRequest): Observation['received'] {
  const kept = Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name));
  return { path, authority, headers: Object.fromEntries(kept) };
}

/** Whoever it is in the mesh, or the place outside of it by name or address. */
function namesOf(plan: Plan, { by, at, authority }: SeenRequest, { order }: LiveCall): readonly string[] {
  if (by !== WORLD.name) {
    const echo = plan.echoes.find(({ name }) => name === by);
    return echo === undefined ? [by] : [by, `${echo.namespace}/${echo.pod}`];
  }
  const address = at.slice(0, at.lastIndexOf(':'));
  const port = at.slice(at.lastIndexOf(':') + 1);
  const known = plan.outside.places.find((place) => place.address === address)?.name ?? '';
  // Whoever called an address and ended anywhere was led there by the host that the request names.
  const meant = parseIpAddress(order.host) === undefined ? order.host : authority.replace(/:\d+$/, '');
  const name = address === ANYWHERE ? meant : known === '' ? address : known;
  const services = plan.places.services.filter(
    ({ hostname, endpoints }) => hostname === name || endpoints.some((endpoint) => endpoint.address === name),
  );
  const entry = plan.places.workloadAt(address, Number(port)) ?? plan.places.workloadAt(name, Number(port));
  return [
    ...(entry === undefined ? [] : [`${entry.namespace}/${entry.owner}`, `${entry.namespace}/${entry.name}`]),
    `${name}:${port}`,
    ...services.flatMap((service) => [
      `${service.namespace}/${name}`,
      `${service.namespace}/${service.name}`,
    ]),
  ];
}

/** The last leg: what the callee's proxy ended, else what the callee itself did. */
function tlsOf({ order }: LiveCall, answered: SeenRequest | undefined, { last }: LoggedCall): string {
  const own = order.scheme === 'https' || order.sni !== '';
  if (last !== undefined) {
    if (value(last.tls) === '') return own && answered?.tls === true ? 'passthrough' : 'none';
    return value(last.peer) === '' ? 'simple' : 'mutual';
  }
  if (answered?.tls !== true && order.scheme !== 'tcp') return 'none';
  return own ? 'passthrough' : answered?.tls === true ? 'simple' : 'none';
}

function value(text: string | number | null | undefined): string {
  return text === null || text === undefined || text === '-' ? '' : String(text);
}

function unobserved(
  test: TestCase,
  call: LiveCall,
  result: CallResult,
  logged: LoggedCall,
  denied: string | undefined,
): ReadonlySet<Aspect> {
  const hidden: Aspect[] = [];
  // A connection that no filter chain takes is logged by nobody: the caller's proxy says that it was closed, at most.
  const closed = !result.accepted || (result.seen === undefined && result.status === 503);
  if (test.expect.deniedBy !== undefined && denied === undefined && closed) hidden.push('deniedBy');
  if (!result.accepted && logged.last === undefined) hidden.push('tls');
  if (call.order.scheme === 'tcp') hidden.push('attempts', 'mirroredTo', 'received', 'response');
  return new Set(hidden);
}
