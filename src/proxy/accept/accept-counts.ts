/** Why a connection never reached a filter. Names of Envoy's listener statistics where it has one. */
export type EarlyEnd =
  | 'no_filter_chain_match'
  | 'ssl_connection_error'
  | 'downstream_pre_cx_timeout'
  | 'downstream_pre_cx_closed'
  | 'downstream_listener_filter_error'
  | 'downstream_global_cx_overflow';

/** How it was found out what a connection speaks: `detect_result` of listener statistics. */
export type Detected = 'detected_client_first' | 'detected_server_first' | 'detected_nothing';

export type AcceptNumbers = Record<
  | EarlyEnd
  | Detected
  | 'downstream_cx_total'
  | 'downstream_pre_cx_active'
  | 'ssl.handshake'
  | 'ssl.session_reused',
  number
>;

/** What the listeners counted, for /stats. */
export interface AcceptCounts {
  /** A connection came in: accepted() or ended() follows. */
  began(): void;
  accepted(): void;
  ended(why: EarlyEnd): void;
  detected(what: Detected): void;
  /** TLS stands; `resumed`: on an earlier session. */
  secured(resumed: boolean): void;
  /** Connections on their way to a filter. */
  readonly pending: number;
  read(): Readonly<AcceptNumbers>;
}

export function createAcceptCounts(): AcceptCounts {
  const counts: AcceptNumbers = {
    downstream_cx_total: 0,
    downstream_pre_cx_active: 0,
    no_filter_chain_match: 0,
    ssl_connection_error: 0,
    downstream_pre_cx_timeout: 0,
    downstream_pre_cx_closed: 0,
    downstream_listener_filter_error: 0,
    downstream_global_cx_overflow: 0,
    detected_client_first: 0,
    detected_server_first: 0,
    detected_nothing: 0,
    'ssl.handshake': 0,
    'ssl.session_reused': 0,
  };
  return {
    began: () => void counts.downstream_pre_cx_active++,
    accepted() {
      counts.downstream_pre_cx_active--;
      counts.downstream_cx_total++;
    },
    ended(why) {
      counts.downstream_pre_cx_active--;
      counts[why]++;
    },
    detected: (what) => void counts[what]++,
    secured(resumed) {
      counts['ssl.handshake']++;
      if (resumed) counts['ssl.session_reused']++;
    },
    get pending() {
      return counts.downstream_pre_cx_active;
    },
    read: () => ({ ...counts }),
  };
}
