import { randomUUID } from 'node:crypto';
import type { TestCase } from '../../../api/weft/traffic-test.ts';
import type { Answer, Aspect, Observation } from '../observation.ts';
import { loggedCall, markLogs } from './access-lines.ts';
import { type LiveCall, liveCall } from './live-call.ts';
import { observe } from './observe-live.ts';
import type { RunningMesh } from './running-mesh.ts';
import type { SignToken } from './test-tokens.ts';

/** What is only in the proxies' logs or the notes of others: looked up where a test asks for it. */
const IN_LOGS: readonly Aspect[] = ['cluster', 'attempts', 'tls', 'deniedBy'];

/** Makes the request of a test as often as it says, one after the other. @throws Untestable */
export async function answerLive(mesh: RunningMesh, test: TestCase, sign: SignToken): Promise<Answer> {
  const { times = 1, send, expect } = test;
  const call = liveCall(mesh, test, send.jwt === undefined ? '' : await sign(send.jwt));
  const needs = {
    logs: IN_LOGS.some((aspect) => expect[aspect] !== undefined),
    notes: expect.mirroredTo !== undefined,
  };
  const observations: Observation[] = [];
  for (let i = 0; i < times; i++) observations.push(await once(mesh, test, call, needs));
  return { observations: merged(observations) };
}

async function once(
  mesh: RunningMesh,
  test: TestCase,
  call: LiveCall,
  needs: { readonly logs: boolean; readonly notes: boolean },
): Promise<Observation> {
  const id = randomUUID();
  const marks = needs.logs ? markLogs(mesh) : new Map<string, number>();
  const result = await mesh.call(call.from, { ...call.order, id });
  // A copy may be on its way still when the answer is there.
  if (needs.notes) await new Promise((resolve) => setTimeout(resolve, COPY_WAIT_MS));
  const seen = needs.notes ? await mesh.seen(id) : [];
  const logged = needs.logs
    ? await loggedCall(mesh, call, {
        id,
        marks,
        answeredBy: result.seen?.by,
        denied: test.expect.deniedBy !== undefined && result.accepted,
      })
    : { first: undefined, last: undefined, attempts: 0, all: [] };
  return observe(mesh.plan, test, call, result, seen, logged);
}

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
