import { randomUUID } from 'node:crypto';
import type { TestCase } from '../../../api/weft/traffic-test.ts';
import type { CallResult } from '../../../echo/order.ts';
import { withKept } from '../kept-headers.ts';
import type { Answer, Aspect, Observation } from '../observation.ts';
import { loggedCall } from './access-lines.ts';
import { liveCall } from './live-call.ts';
import { LogWindow } from './log-window.ts';
import type { LoggedCall } from './logged-call.ts';
import { observe } from './observe-live.ts';
import type { RunningMesh } from './running-mesh.ts';
import type { SignToken } from './test-tokens.ts';

/** What is only in the proxies' logs or the notes of others: looked up where a test asks for it. */
const IN_LOGS: readonly Aspect[] = ['cluster', 'attempts', 'tls', 'deniedBy'];

/** Makes the request of a test as often as it says, one after the other. @throws Untestable */
export async function answerLive(mesh: RunningMesh, test: TestCase, sign: SignToken): Promise<Answer> {
  const { times = 1, send, expect } = test;
  const call = liveCall(mesh, test, send.jwt === undefined ? '' : await sign(send.jwt));
  const window = IN_LOGS.some((aspect) => expect[aspect] !== undefined) ? new LogWindow(mesh) : undefined;
  const made: { readonly id: string; readonly result: CallResult }[] = [];
  let { headers } = call.order;
  for (let i = 0; i < times; i++) {
    const id = randomUUID();
    const result = await mesh.call(call.from, { ...call.order, headers, id });
    made.push({ id, result });
    headers = withKept(headers, send.keeps ?? [], result.headers, call.order.path);
  }
  // A copy may be on its way still when the answer is there.
  if (expect.mirroredTo !== undefined) await new Promise((resolve) => setTimeout(resolve, COPY_WAIT_MS));
  const observations: Observation[] = [];
  for (const { id, result } of made) {
    const seen = expect.mirroredTo === undefined ? [] : await mesh.seen(id);
    const denied = expect.deniedBy !== undefined && result.accepted;
    const question = { id, answeredBy: result.seen?.by, denied };
    const logged = window === undefined ? NOTHING : await loggedCall(mesh, window, call, question);
    observations.push(observe(mesh.plan, test, call, result, seen, logged));
  }
  return { observations: merged(observations) };
}

const NOTHING: LoggedCall = { first: undefined, last: undefined, attempts: 0, all: [] };

const COPY_WAIT_MS = 200;

/** Observations that are alike are one with a larger share. */
function merged(all: readonly Observation[]): readonly Observation[] {
  const groups = new Map<string, { one: Observation; count: number }>();
  for (const one of all) {
    const key = JSON.stringify([
      one.status,
      one.tcp,
      one.workload,
      one.cluster,
      one.received,
      one.response.body,
      one.mirroredTo,
      one.tls,
      one.deniedBy,
      one.attempts,
    ]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { one, count: 1 });
    else group.count++;
  }
  return [...groups.values()].map(({ one, count }) => ({ ...one, share: count / all.length }));
}
