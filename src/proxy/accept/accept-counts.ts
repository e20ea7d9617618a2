import type { Listener } from '../configure/listener.ts';
import type { ListenerStats } from '../observe/envoy-stats.ts';

/** Why a connection never reached a filter. Names of Envoy's listener statistics where it has one. */
export type EarlyEnd =
  | 'no_filter_chain_match'
  | 'ssl.connection_error'
  | 'downstream_pre_cx_timeout'
  | 'downstream_pre_cx_closed'
  | 'downstream_listener_filter_error'
  | 'downstream_global_cx_overflow';

/** How it was found out what a connection speaks: `detect_result` of listener statistics. */
export type Detected = 'detected_client_first' | 'detected_server_first' | 'detected_nothing';

/** Counts connections on their way to a filter, by the address of their listener. */
export class AcceptCounts {
  /** Connections on their way to a filter, of all listeners. */
  pending = 0;
  readonly #statsOf: (address: string) => ListenerStats;

  constructor(statsOf: (address: string) => ListenerStats) {
    this.#statsOf = statsOf;
  }

  /** A connection came in: accepted() or ended() follows. */
  began(listener: Listener): void {
    this.pending++;
    this.#of(listener).downstream_pre_cx_active++;
  }

  /** One listener hands it to another. */
  moved(from: Listener, to: Listener): void {
    if (from === to) return;
    this.#of(from).downstream_pre_cx_active--;
    this.#of(to).downstream_pre_cx_active++;
  }

  accepted(listener: Listener): void {
    this.#settled(listener).downstream_cx_total++;
  }

  ended(listener: Listener, why: EarlyEnd): void {
    this.#settled(listener)[why]++;
  }

  /** TLS stands; `resumed`: on an earlier session. */
  secured(listener: Listener, resumed: boolean): void {
    const stats = this.#of(listener);
    stats['ssl.handshake']++;
    if (resumed) stats['ssl.session_reused']++;
  }

  detected(listener: Listener, what: Detected): void {
    this.#of(listener)[what]++;
  }

  #settled(listener: Listener): ListenerStats {
    this.pending--;
    const stats = this.#of(listener);
    stats.downstream_pre_cx_active--;
    return stats;
  }

  #of(listener: Listener): ListenerStats {
    return this.#statsOf(statAddress(listener));
  }
}

/** `127.0.0.1_15001`, as statistics name a listener. */
export function statAddress({ address }: Listener): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}_${address.port}`.replaceAll(':', '_');
}
