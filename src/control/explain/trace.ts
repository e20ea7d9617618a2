import type { Origin } from '../../mesh/origin.ts';
import type { Alternative, Because, PolicyVerdict, Retries, Step } from './explanation.ts';
import { NOBODY } from './explanation.ts';
import type { Request } from './http/request.ts';

/** Why a proxy did not do what it is there for. */
export type Problem =
  | 'no-listener'
  | 'no-filter-chain'
  | 'tls'
  | 'protocol'
  | 'no-virtual-host'
  | 'no-route'
  | 'tls-redirect'
  | 'no-cluster'
  | 'no-endpoint';

/** One proxy's part of the way, by the names of its resources; '' for what was not reached. */
export interface Hop {
  readonly proxy: string;
  readonly side: 'outbound' | 'inbound' | 'gateway';
  listener: string;
  filterChain: string;
  routeConfiguration: string;
  virtualHost: string;
  route: string;
  cluster: string;
  problem: Problem | undefined;
  /** How often it tried to send the request on. */
  attempts: number;
  timeoutMs: number;
  retries: Retries | undefined;
  /** `IP:PORT` of the endpoint of the last try. */
  endpoint: string;
  /** The endpoint of the client's session, and whether it is that one or nobody. */
  wanted: { readonly address: string; readonly strict: boolean } | undefined;
}

/** A step and at whose place it happens. */
export interface PlacedStep extends Step {
  readonly place: string;
}

/** What is written down on the way of one call. */
export class Trace {
  readonly hops: Hop[] = [];
  readonly policies: PolicyVerdict[] = [];
  /** Workloads that got a copy. */
  readonly mirroredTo: string[] = [];
  /**
   * What cannot be told: which endpoint a hash picks, how large the parts of a ring are, what a header's value is made
   * of, or, behind a filter that nobody here knows, anything.
   */
  readonly unsure = new Set<'workload' | 'shares' | 'headers' | 'everything'>();
  /** A hash picks the endpoint: whoever it is, it is the same for all such requests. */
  sticky = false;
  /** Milliseconds that went by where something waits on purpose; all else takes no time here. */
  clockMs = 0;
  /** Names of places outside of the mesh by the addresses that stand for them. */
  readonly outside = new Map<string, string>();
  /** The request as the last one to look at it saw it. */
  lastRequest: Request | undefined;
  /** Who said no. */
  deniedBy: Origin | undefined;
  #steps: PlacedStep[] = [];
  #place = '';

  get steps(): readonly PlacedStep[] {
    return this.#steps;
  }

  /** Steps from here on happen at this place. */
  enter(place: string): void {
    this.#place = place;
  }

  step(what: string, because: Because = NOBODY, instead: readonly Alternative[] = []): void {
    this.#steps.push({ place: this.#place, what, because, instead });
  }

  hop(proxy: string, side: Hop['side']): Hop {
    const hop: Hop = {
      proxy,
      side,
      listener: '',
      filterChain: '',
      routeConfiguration: '',
      virtualHost: '',
      route: '',
      cluster: '',
      problem: undefined,
      attempts: 0,
      timeoutMs: 0,
      retries: undefined,
      endpoint: '',
      wanted: undefined,
    };
    this.hops.push(hop);
    return hop;
  }

  /** Where things stand, to come back to. */
  mark(): { readonly steps: number; readonly hops: number; readonly place: string } {
    return { steps: this.#steps.length, hops: this.hops.length, place: this.#place };
  }

  /** Forgets what was written down since: a try that did not count. */
  rewind(mark: ReturnType<Trace['mark']>): void {
    this.#steps = this.#steps.slice(0, mark.steps);
    this.hops.splice(mark.hops);
    this.#place = mark.place;
  }
}
