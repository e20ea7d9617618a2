import type { AccessLine } from './access-format.ts';
import { saysDenied } from './denied-by.ts';
import type { LiveCall } from './live-call.ts';
import type { LoggedCall, PlacedLine } from './logged-call.ts';
import { WORLD } from './plan.ts';
import type { RunningMesh } from './running-mesh.ts';

/** Where each proxy's log ended before a call. */
export type LogMarks = ReadonlyMap<string, number>;

/** Proxies write their logs within this. */
const WRITE_TIMEOUT_MS = 1_500;
const POLL_MS = 20;

/** The ends of all logs. */
export function markLogs(mesh: RunningMesh): LogMarks {
  return new Map(
    podsOf(mesh).map(({ namespace, pod }) => [`${namespace}/${pod}`, mesh.log(namespace, pod).length]),
  );
}

/** What is looked for in the logs of a call. */
export interface LogQuestion {
  readonly id: string;
  readonly marks: LogMarks;
  /** `NAMESPACE/WORKLOAD` that answered; undefined where a proxy did. */
  readonly answeredBy: string | undefined;
  /** Somebody is said to have denied it. */
  readonly denied: boolean;
}

/** What was logged of a call since the marks; waits until everybody on the way has written. */
export async function loggedCall(
  mesh: RunningMesh,
  call: LiveCall,
  question: LogQuestion,
): Promise<LoggedCall> {
  const untilMs = performance.now() + WRITE_TIMEOUT_MS;
  const last = lastProxy(mesh, question.answeredBy);
  for (;;) {
    const all = linesSince(mesh, question.marks, call.order.scheme === 'tcp' ? undefined : question.id);
    const first = all.findLast((line) => isOf(line, call.firstProxy) && !isInbound(line.cluster));
    const end = all.findLast((line) => isOf(line, last) && isInbound(line.cluster));
    const complete =
      (call.firstProxy === undefined || first !== undefined) &&
      (last === undefined || end !== undefined) &&
      (!question.denied || all.some(saysDenied));
    if (complete || performance.now() > untilMs)
      return {
        first,
        last: end,
        attempts: attemptsOf(first ?? all.find((line) => attemptsOf(line) > 0)),
        all,
      };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

interface PodName {
  readonly namespace: string;
  readonly pod: string;
}

/** The Pod whose proxy stands before whoever answered. */
function lastProxy({ plan }: RunningMesh, answeredBy: string | undefined): PodName | undefined {
  const echo = plan.echoes.find(({ name }) => name === answeredBy);
  if (echo === undefined || echo.name === WORLD.name) return undefined;
  return plan.places.workloadNamed(echo.namespace, echo.pod)?.dataPlane === 'none' ? undefined : echo;
}

function isOf(line: PlacedLine, pod: PodName | undefined): boolean {
  return line.namespace === pod?.namespace && line.pod === pod.pod;
}

function attemptsOf(line: AccessLine | undefined): number {
  return Number(line?.attempts ?? 0) || 0;
}

function isInbound(cluster: AccessLine['cluster']): boolean {
  return /^inbound\||^InboundPassthrough/.test(String(cluster ?? ''));
}

function linesSince(mesh: RunningMesh, marks: LogMarks, id: string | undefined): readonly PlacedLine[] {
  return podsOf(mesh).flatMap(({ namespace, pod }) =>
    mesh
      .log(namespace, pod)
      .slice(marks.get(`${namespace}/${pod}`) ?? 0)
      .split('\n')
      .flatMap((line): PlacedLine[] => {
        const parsed = parseLine(line);
        return parsed === undefined || (id !== undefined && parsed.call !== id)
          ? []
          : [{ ...parsed, namespace, pod }];
      }),
  );
}

function podsOf({ plan }: RunningMesh): readonly PodName[] {
  return plan.pods.map(({ object }) => {
    const { namespace, name } = object['metadata'] as { readonly namespace: string; readonly name: string };
    return { namespace, pod: name };
  });
}

function parseLine(line: string): AccessLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as AccessLine;
    return 'cluster' in value || 'call' in value ? value : undefined;
  } catch {
    return undefined; // cut while it was written
  }
}
