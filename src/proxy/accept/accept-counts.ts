/** Why a connection never reached a filter. Names of Envoy's listener statistics where it has one. */
export type EarlyEnd = 'no_filter_chain_match' | 'tls_error' | 'inspection' | 'overload';

/** What the listeners counted, for /stats. */
export interface AcceptCounts {
  /** A connection came in: accepted() or ended() follows. */
  began(): void;
  accepted(): void;
  ended(why: EarlyEnd): void;
  read(): Readonly<Record<EarlyEnd | 'accepted' | 'pending', number>>;
}

export function createAcceptCounts(): AcceptCounts {
  const counts = {
    pending: 0,
    accepted: 0,
    no_filter_chain_match: 0,
    tls_error: 0,
    inspection: 0,
    overload: 0,
  };
  return {
    began: () => void counts.pending++,
    accepted() {
      counts.pending--;
      counts.accepted++;
    },
    ended(why) {
      counts.pending--;
      counts[why]++;
    },
    read: () => ({ ...counts }),
  };
}
