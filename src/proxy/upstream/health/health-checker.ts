import type { CheckEnvironment, Checked } from './check-environment.ts';
import { CheckSession } from './check-session.ts';
import type { HealthCheckConfig } from './health-check-config.ts';

/** Checks the endpoints of a cluster, each at its own pace. */
export class HealthChecker<T extends Checked> {
  readonly #config: HealthCheckConfig;
  readonly #environment: CheckEnvironment<T>;
  readonly #sessions = new Map<T, CheckSession<T>>();
  #started = false;

  constructor(config: HealthCheckConfig, environment: CheckEnvironment<T>) {
    this.#config = config;
    this.#environment = environment;
  }

  /** Everybody has been checked once, or there is nobody. */
  get firstRoundDone(): boolean {
    if (!this.#started) return false;
    for (const session of this.#sessions.values()) if (!session.checked) return false;
    return true;
  }

  /** From now on; before, endpoints are only noted. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const session of this.#sessions.values()) session.start();
  }

  add(endpoint: T): void {
    const session = new CheckSession(endpoint, this.#config, this.#environment);
    this.#sessions.set(endpoint, session);
    if (this.#started) session.start();
  }

  remove(endpoint: T): void {
    this.#sessions.get(endpoint)?.stop();
    this.#sessions.delete(endpoint);
  }

  /** The endpoint said in an answer to other traffic that it must get nothing more. */
  failNow(endpoint: T): void {
    this.#sessions.get(endpoint)?.failNow();
  }

  stop(): void {
    for (const session of this.#sessions.values()) session.stop();
    this.#sessions.clear();
  }
}
