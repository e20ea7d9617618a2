import type { Counter, StatScope } from '../../../observe/stat-scope.ts';

/** Methods that are counted by name; callers choose paths, so their number has to end somewhere. */
const MAX_METHODS = 1000;
/** Statuses that have a name of their own: those of gRPC. */
const MAX_STATUS = 16;

/** The counters of one method, or of all. */
export class CallStats {
  readonly #scope: StatScope;
  readonly #total: Counter;
  readonly #success: Counter;
  readonly #failure: Counter;
  readonly #requestMessages: Counter;
  readonly #responseMessages: Counter;
  readonly #statuses = new Map<string, Counter>();
  #time: ReturnType<StatScope['histogram']> | undefined;

  constructor(scope: StatScope) {
    this.#scope = scope;
    this.#total = scope.counter('total');
    this.#success = scope.counter('success');
    this.#failure = scope.counter('failure');
    this.#requestMessages = scope.counter('request_message_count');
    this.#responseMessages = scope.counter('response_message_count');
  }

  /** The call ended with this `grpc-status`. */
  ended(status: string): void {
    this.#total.value++;
    if (status === '0') this.#success.value++;
    else this.#failure.value++;
    const counter = this.#statuses.get(status) ?? this.#statusCounter(status);
    if (counter !== undefined) counter.value++;
  }

  requestMessages(count: number): void {
    this.#requestMessages.value += count;
  }

  responseMessages(count: number): void {
    this.#responseMessages.value += count;
  }

  took(ms: number): void {
    this.#time ??= this.#scope.histogram('upstream_rq_time');
    this.#time.add(ms);
  }

  #statusCounter(status: string): Counter | undefined {
    if (!/^\d{1,2}$/.test(status) || Number(status) > MAX_STATUS) return undefined;
    const counter = this.#scope.counter(status);
    this.#statuses.set(status, counter);
    return counter;
  }
}

/** Calls to one cluster. */
export interface ClusterCalls {
  /** Of methods that are not counted by name. */
  readonly all: CallStats;
  method(path: string): CallStats;
}

/** Under `cluster.NAME.grpc.`; services and methods are names within. */
export function callsOf(scope: StatScope, dotsReplaced: boolean): ClusterCalls {
  const all = new CallStats(scope);
  const methods = new Map<string, CallStats>();
  return {
    all,
    method(path) {
      const known = methods.get(path);
      if (known !== undefined) return known;
      const [, service = '', method = ''] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
      if (method === '' || methods.size >= MAX_METHODS) return all;
      const name = dotsReplaced ? service.replaceAll('.', '_') : service;
      const made = new CallStats(scope.scope(`${name}.${method}.`));
      methods.set(path, made);
      return made;
    },
  };
}
