import type { AccessLine } from './access-format.ts';
import { saysDenied } from './denied-by.ts';
import type { LiveCall } from './live-call.ts';
import type { LogWindow } from './log-window.ts';
import type { LoggedCall, PlacedLine } from './logged-call.ts';
import { WORLD } from './plan.ts';
import type { RunningMesh } from './running-mesh.ts';

/** Proxies write their logs within this. */
const WRITE_TIMEOUT_MS = 1_500;
const POLL_MS = 20;

/** What is looked for in the logs of a call. */
export interface LogQuestion {
  readonly id: string;
  /** `NAMESPACE/WORKLOAD` that answered; undefined where a proxy did. */
  readonly answeredBy: string | undefined;
  /** Somebody is said to have denied it. */
  readonly denied: boolean;
}

/** What was logged of a call in a window; waits until everybody on the way has written. */
export async function loggedCall(
  mesh: RunningMesh,
  window: LogWindow,
  call: LiveCall,
  question: LogQuestion,
): Promise<LoggedCall> {
  const untilMs = performance.now() + WRITE_TIMEOUT_MS;
  const last = lastProxy(mesh, question.answeredBy);
  for (;;) {
    const all = window.of(question.id);
    const first = all.find((line) => isOf(line, call.firstProxy) && !isInbound(line.cluster));
    const end = all.find((line) => isOf(line, last) && isInbound(line.cluster));
    const complete =
      (call.firstProxy === undefined || first !== undefined) &&
      (last === undefined || end !== undefined) &&
      (!question.denied || all.some(saysDenied));
    if (complete || performance.now() > untilMs) {
      window.take([first, end]);
      const attempts = attemptsOf(first ?? all.find((line) => attemptsOf(line) > 0));
      return { first, last: end, attempts, all };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    window.read();
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
