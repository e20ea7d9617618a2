import { Histogram } from './histogram.ts';

// Envoy's statistics by scope, under Envoy's names: a field is a counter unless its name says active, healthy,
// open or total of members. Whoever holds the object counts with ++; rendering reads the fields' names.

/** Responses by status. They come in runs of the same: a run is counted in a number, and put into the map when it ends. */
export class StatusCounts {
  readonly #byStatus = new Map<number, number>();
  #last = 0;
  #run = 0;

  add(status: number): void {
    if (status !== this.#last) {
      this.#endRun();
      this.#last = status;
    }
    this.#run++;
  }

  byStatus(): ReadonlyMap<number, number> {
    this.#endRun();
    return this.#byStatus;
  }

  get total(): number {
    let total = 0;
    for (const count of this.byStatus().values()) total += count;
    return total;
  }

  #endRun(): void {
    if (this.#run > 0) this.#byStatus.set(this.#last, (this.#byStatus.get(this.#last) ?? 0) + this.#run);
    this.#run = 0;
  }
}

/** Gauges that are computed when somebody looks. */
export interface ComputedGauges {
  gauges(): readonly (readonly [name: string, value: number])[];
}

/** Counters under other names than their fields'. */
export interface ComputedCounters {
  counters(): readonly (readonly [name: string, value: number])[];
}

/** `cluster.NAME.` */
export class ClusterStats {
  computed: ComputedGauges | undefined;
  readonly statuses = new StatusCounts();
  /** Of those that went to callers outside and inside, and of those that were tried again. */
  readonly external = new StatusCounts();
  readonly internal = new StatusCounts();
  readonly retry = new StatusCounts();
  readonly upstream_rq_time = new Histogram();
  readonly upstream_cx_connect_ms = new Histogram();
  upstream_cx_total = 0;
  upstream_cx_active = 0;
  upstream_cx_http1_total = 0;
  upstream_cx_http2_total = 0;
  upstream_cx_close_notify = 0;
  upstream_cx_max_duration_reached = 0;
  upstream_cx_connect_fail = 0;
  upstream_cx_connect_timeout = 0;
  upstream_cx_overflow = 0;
  upstream_cx_destroy = 0;
  upstream_cx_destroy_local = 0;
  upstream_cx_destroy_remote = 0;
  upstream_cx_destroy_with_active_rq = 0;
  upstream_cx_idle_timeout = 0;
  upstream_cx_max_requests = 0;
  upstream_cx_protocol_error = 0;
  upstream_cx_none_healthy = 0;
  upstream_cx_rx_bytes_total = 0;
  upstream_cx_tx_bytes_total = 0;
  upstream_rq_total = 0;
  upstream_rq_active = 0;
  upstream_rq_completed = 0;
  upstream_rq_active_overflow = 0;
  upstream_rq_pending_total = 0;
  upstream_rq_pending_active = 0;
  upstream_rq_pending_overflow = 0;
  upstream_rq_pending_failure_eject = 0;
  upstream_rq_cancelled = 0;
  upstream_rq_timeout = 0;
  upstream_rq_max_duration_reached = 0;
  upstream_internal_redirect_succeeded_total = 0;
  upstream_internal_redirect_failed_total = 0;
  upstream_rq_per_try_timeout = 0;
  upstream_rq_per_try_idle_timeout = 0;
  upstream_rq_rx_reset = 0;
  upstream_rq_tx_reset = 0;
  upstream_rq_retry = 0;
  upstream_rq_retry_backoff_exponential = 0;
  upstream_rq_retry_backoff_ratelimited = 0;
  upstream_rq_retry_success = 0;
  upstream_rq_retry_overflow = 0;
  upstream_rq_retry_limit_exceeded = 0;
  upstream_rq_dropped = 0;
  membership_change = 0;
  membership_total = 0;
  membership_healthy = 0;
  membership_degraded = 0;
  membership_excluded = 0;
  lb_healthy_panic = 0;
  lb_recalculate_zone_structures = 0;
  lb_local_cluster_not_ok = 0;
  lb_zone_cluster_too_small = 0;
  lb_zone_no_capacity_left = 0;
  lb_zone_routing_all_directly = 0;
  lb_zone_routing_sampled = 0;
  lb_zone_routing_cross_zone = 0;
  lb_subsets_active = 0;
  lb_subsets_created = 0;
  lb_subsets_removed = 0;
  lb_subsets_selected = 0;
  lb_subsets_fallback = 0;
  lb_subsets_fallback_panic = 0;
  update_attempt = 0;
  update_success = 0;
  update_failure = 0;
  assignment_stale = 0;
}

/** `http.PREFIX.` */
export class HttpStats {
  readonly statuses = new StatusCounts();
  readonly downstream_rq_time = new Histogram();
  downstream_cx_total = 0;
  downstream_cx_active = 0;
  downstream_cx_ssl_total = 0;
  downstream_cx_ssl_active = 0;
  downstream_cx_http1_total = 0;
  downstream_cx_http2_total = 0;
  downstream_cx_max_duration_reached = 0;
  downstream_cx_max_requests_reached = 0;
  downstream_cx_destroy = 0;
  downstream_cx_destroy_active_rq = 0;
  downstream_cx_idle_timeout = 0;
  downstream_cx_protocol_error = 0;
  downstream_cx_upgrades_total = 0;
  downstream_cx_upgrades_active = 0;
  downstream_cx_drain_close = 0;
  downstream_cx_rx_bytes_total = 0;
  downstream_cx_tx_bytes_total = 0;
  downstream_rq_total = 0;
  downstream_rq_active = 0;
  downstream_rq_http1_total = 0;
  downstream_rq_http2_total = 0;
  downstream_rq_completed = 0;
  downstream_rq_rx_reset = 0;
  downstream_rq_tx_reset = 0;
  downstream_rq_too_large = 0;
  downstream_rq_timeout = 0;
  downstream_rq_header_timeout = 0;
  downstream_rq_idle_timeout = 0;
  downstream_rq_max_duration_reached = 0;
  downstream_rq_ws_on_non_ws_route = 0;
  downstream_rq_non_relative_path = 0;
  no_route = 0;
  no_cluster = 0;
  rq_direct_response = 0;
  rq_redirect = 0;
  rq_total = 0;
}

/** `tcp.PREFIX.` */
export class TcpStats {
  downstream_cx_total = 0;
  downstream_cx_active = 0;
  downstream_cx_no_route = 0;
  downstream_cx_rx_bytes_total = 0;
  downstream_cx_tx_bytes_total = 0;
  idle_timeout = 0;
}

/** `listener.ADDRESS.`; what is active and destroyed is read off the filter chains when somebody looks. */
export class ListenerStats {
  downstream_cx_total = 0;
  downstream_cx_active = 0;
  downstream_cx_destroy = 0;
  downstream_pre_cx_active = 0;
  downstream_pre_cx_timeout = 0;
  downstream_pre_cx_closed = 0;
  downstream_listener_filter_error = 0;
  downstream_global_cx_overflow = 0;
  no_filter_chain_match = 0;
  'ssl.handshake' = 0;
  'ssl.session_reused' = 0;
  'ssl.connection_error' = 0;
  /** Who spoke first, where that was waited for. */
  detected_client_first = 0;
  detected_server_first = 0;
  detected_nothing = 0;
}

/** Answers of a control plane for one kind of resource: `NAME.update_success` and the like, of `lds` or `cds`. */
export class DiscoveryStats implements ComputedCounters {
  successes = 0;
  rejections = 0;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  counters(): readonly (readonly [name: string, value: number])[] {
    return [
      [`${this.#name}.update_attempt`, this.successes + this.rejections],
      [`${this.#name}.update_success`, this.successes],
      [`${this.#name}.update_rejected`, this.rejections],
    ];
  }
}

/** `listener_manager.` */
export class ListenerManagerStats {
  readonly lds = new DiscoveryStats('lds');
  listener_added = 0;
  listener_modified = 0;
  listener_removed = 0;
  listener_create_success = 0;
  listener_create_failure = 0;
  total_listeners_active = 0;
  total_listeners_warming = 0;
  workers_started = 1;
}

/** `cluster_manager.` */
export class ClusterManagerStats {
  readonly cds = new DiscoveryStats('cds');
  cluster_added = 0;
  cluster_modified = 0;
  cluster_removed = 0;
  active_clusters = 0;
  warming_clusters = 0;
}

/** Everything that goes up and down. */
export const GAUGES: ReadonlySet<string> = new Set([
  'upstream_cx_active',
  'upstream_rq_active',
  'upstream_rq_pending_active',
  'membership_total',
  'lb_subsets_active',
  'membership_healthy',
  'membership_degraded',
  'membership_excluded',
  'downstream_cx_active',
  'downstream_cx_ssl_active',
  'downstream_pre_cx_active',
  'downstream_cx_upgrades_active',
  'downstream_rq_active',
  'total_listeners_active',
  'total_listeners_warming',
  'workers_started',
  'active_clusters',
  'warming_clusters',
]);
