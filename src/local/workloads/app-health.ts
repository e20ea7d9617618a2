import type { Clock, Timer } from '../../lib/clock.ts';
import type { Place } from '../network/pod-networks.ts';
import { type Answer, askExec, askHttp, askTcp } from '../probes/attempt.ts';
import { type ProbePace, RunningProbe } from '../probes/run.ts';
import type { Container, Probe } from '../resources/objects.ts';

// The health of one run of an application: startup probe first, then readiness and liveness, as kubelet does it. A
// new run of the process gets a new one of these.

export interface HealthListener {
  onReady(ready: boolean, detail: string): void;
  /** It must be restarted. */
  onUnhealthy(detail: string): void;
}

export interface HealthSubject {
  readonly container: Container | undefined;
  readonly place: Place;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * A container without readiness probe is ready when its first TCP port takes connections. Kubernetes would say at
 * once; but then the first requests after every start fail, for want of a probe that an image's author forgot.
 */
const CONNECTS: ProbePace = { initialDelayMs: 0, periodMs: 5_000, successThreshold: 1, failureThreshold: 3 };
const CONNECT_TIMEOUT_MS = 1_000;

export class AppHealth {
  readonly #subject: HealthSubject;
  readonly #clock: Clock;
  readonly #listener: HealthListener;
  #probes: RunningProbe[] = [];
  #deadline: Timer | undefined;

  constructor(subject: HealthSubject, clock: Clock, listener: HealthListener) {
    this.#subject = subject;
    this.#clock = clock;
    this.#listener = listener;
    const startup = subject.container?.startup;
    if (startup === undefined) this.#watch();
    else this.#waitForStartup(startup);
  }

  stop(): void {
    this.#deadline?.cancel();
    for (const probe of this.#probes.splice(0)) probe.stop();
  }

  #waitForStartup(startup: Probe): void {
    const patienceMs = startup.initialDelayMs + startup.periodMs * startup.failureThreshold;
    this.#deadline = this.#clock.setTimeout(() => {
      this.stop();
      this.#listener.onUnhealthy(`its startup probe did not pass within ${patienceMs / 1000} s`);
    }, patienceMs);
    this.#run(startup, true, this.#asker(startup), (passed) => {
      if (!passed) return;
      this.stop();
      this.#watch();
    });
  }

  #watch(): void {
    const { container, place } = this.#subject;
    const port = container?.ports.find(({ protocol }) => protocol === 'TCP')?.number;
    const ready = this.#listener.onReady.bind(this.#listener);
    if (container?.readiness !== undefined)
      this.#run(container.readiness, true, this.#asker(container.readiness), ready);
    else if (port !== undefined)
      this.#run(CONNECTS, true, () => askTcp(place.target(port), CONNECT_TIMEOUT_MS), ready);
    else this.#listener.onReady(true, 'it has no port and no readiness probe');
    const liveness = container?.liveness;
    if (liveness === undefined) return;
    this.#run(liveness, false, this.#asker(liveness), (passed, detail) => {
      if (!passed) this.#listener.onUnhealthy(`its liveness probe failed (${detail})`);
    });
  }

  #run(
    pace: ProbePace,
    eager: boolean,
    ask: () => Promise<Answer>,
    onVerdict: (passed: boolean, detail: string) => void,
  ): void {
    this.#probes.push(new RunningProbe(pace, eager, ask, this.#clock, onVerdict));
  }

  #asker({ check, timeoutMs }: Probe): () => Promise<Answer> {
    const { place, env, cwd } = this.#subject;
    if (check.kind === 'exec')
      return () => askExec({ argv: place.argv('app', check.command), env, cwd, timeoutMs });
    const target = place.target(check.port);
    if (check.kind === 'tcp') return () => askTcp(target, timeoutMs);
    return () => askHttp({ ...check, target, timeoutMs });
  }
}
