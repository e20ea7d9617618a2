import type { NodeInfo } from '../node-info.ts';

/**
 * All counters of one proxy. Label sets are resolved once per route and endpoint; on the way of a request there are
 * only numbers in objects.
 */
export class Metrics {
  readonly node: NodeInfo;

  constructor(node: NodeInfo) {
    this.node = node;
  }

  /** Prometheus text: Istio's standard metrics and Envoy's counters. For /stats/prometheus. */
  renderPrometheus(): string {
    return '';
  }

  /** `name: value` lines as Envoy's /stats. */
  renderStats(): string {
    return '';
  }
}
