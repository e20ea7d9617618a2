/**
 * What proxies have seen of callers without TLS of the mesh, for `weft mtls plan`.
 *
 * In: the statistics of each proxy, read over HTTP from the port that its Pod names (read-metrics.ts), weft's and Envoy's
 * alike. Out: a ledger of who called what without TLS, and how much came with it (traffic-ledger.ts), and what STRICT
 * would break (mtls-plan.ts). Called by control/serve. What never happens here: a connection to an address that is not a
 * Pod's own, a promise out of nothing seen, a list without a limit.
 *
 * This file: Prometheus text -> counts.
 */
import { wellKnownNames } from '../../xds/names.ts';
import {
  MAX_PLAINTEXT_CALLERS,
  PEER_TAG,
  PLAINTEXT_SCOPE,
  PORT_TAG,
} from '../emit/listener/plaintext-log.ts';

/** What is counted: requests of HTTP, connections of everything else. */
export type CountedUnit = 'requests' | 'connections';

/** One proxy's counters, since it started. */
export interface ProxyCounts {
  readonly uptimeMs: number;
  readonly callers: readonly {
    readonly unit: CountedUnit;
    readonly port: number;
    /** IP address. */
    readonly peer: string;
    readonly count: number;
  }[];
  /** Everything that came, with TLS of the mesh or without; port 0: to ports that no service names. */
  readonly ports: readonly {
    readonly unit: CountedUnit;
    readonly port: number;
    readonly count: number;
    /** Connections of HTTP without TLS that are open now. */
    readonly openPlain: number;
  }[];
  /** It may know more callers than it counts. */
  readonly isFull: boolean;
}

/** The statistics that are needed, as Envoy's regular expression over their names. */
export const WANTED_STATISTICS =
  `^(${PLAINTEXT_SCOPE}\\..*|server\\.uptime|(http|tcp)\\.[iI]nbound.*` +
  '\\.downstream_(rq_total|cx_total|cx_active|cx_ssl_active))$';

const LINE = /^envoy_(\w+)\{(.*)\} ([0-9.e+]+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads Prometheus text; lines about anything else are passed over. */
export function proxyCountsOf(text: string): ProxyCounts {
  const callers: ProxyCounts['callers'][number][] = [];
  const http = new Map<number, { count: number; openPlain: number }>();
  const tcp = new Map<number, number>();
  let uptimeMs = 0;
  for (const line of text.split('\n')) {
    const [, metric, labelText = '', number] = LINE.exec(line) ?? [];
    if (metric === undefined) continue;
    const value = Number(number);
    const labels = new Map(
      [...labelText.matchAll(LABEL)].map(([, name, text]) => [name, text ?? ''] as const),
    );
    if (metric === 'server_uptime') uptimeMs = value * 1000;
    else if (metric.startsWith(`${PLAINTEXT_SCOPE}_`))
      callers.push({
        unit: metric.endsWith('_connections') ? 'connections' : 'requests',
        port: Number(labels.get(PORT_TAG)),
        peer: labels.get(PEER_TAG) ?? '',
        count: value,
      });
    else if (metric.startsWith('http_')) {
      // Of `http.inbound_0.0.0.0_9080.` Envoy's label is `inbound_0`, and the rest is in the metric's name.
      const [, rest = '', field] = /^http_((?:\d+_)*)downstream_(\w+)$/.exec(metric) ?? [];
      const prefix = `${labels.get('envoy_http_conn_manager_prefix') ?? ''}_${rest}`;
      const port = portOf(prefix.replace(/_+$/, ''), /^inbound_.*_(\d+)$/);
      if (port === undefined) continue;
      const known = http.get(port) ?? { count: 0, openPlain: 0 };
      http.set(port, known);
      if (field === 'rq_total') known.count = value;
      if (field === 'cx_active') known.openPlain += value;
      if (field === 'cx_ssl_active') known.openPlain -= value;
    } else if (metric === 'tcp_downstream_cx_total') {
      const port = portOf(labels.get('envoy_tcp_prefix'), /^inbound\|(\d+)\|/);
      if (port !== undefined) tcp.set(port, value);
    }
  }
  return {
    uptimeMs,
    callers: callers.filter(({ port }) => Number.isInteger(port)),
    ports: [
      ...[...http].map(([port, counts]) => ({ unit: 'requests' as const, port, ...counts })),
      ...[...tcp].map(([port, count]) => ({ unit: 'connections' as const, port, count, openPlain: 0 })),
    ],
    isFull: callers.length >= MAX_PLAINTEXT_CALLERS,
  };
}

function portOf(prefix: string | undefined, pattern: RegExp): number | undefined {
  if (prefix === wellKnownNames.inboundPassthroughCluster) return 0;
  const digits = pattern.exec(prefix ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
