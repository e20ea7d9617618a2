import { checkDuration, checkDurationOrZero } from '../../check/duration.ts';
import type { Report } from '../../report.ts';
import { bool, duration, type Infer, int32, message, oneOf, uint32 } from '../../schema.ts';

const tcpKeepalive = message({}, { probes: uint32, time: duration, interval: duration });

const tcpPool = message(
  {},
  {
    maxConnections: int32,
    connectTimeout: duration,
    tcpKeepalive,
    maxConnectionDuration: duration,
    idleTimeout: duration,
  },
);

const httpPool = message(
  {},
  {
    http1MaxPendingRequests: int32,
    http2MaxRequests: int32,
    maxRequestsPerConnection: int32,
    maxRetries: int32,
    idleTimeout: duration,
    h2UpgradePolicy: oneOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: bool,
    maxConcurrentStreams: int32,
    http2KeepAlive: message({}, { interval: duration, timeout: duration }),
  },
);

/** Limits of connections and requests towards a destination. */
export const connectionPool = message({}, { tcp: tcpPool, http: httpPool });
export type ConnectionPool = Infer<typeof connectionPool>;

/** Counts that are not negative, durations, and options that exclude each other. */
export function checkConnectionPool(pool: ConnectionPool | undefined, report: Report): void {
  if (pool === undefined) return;
  if (pool.tcp === undefined && pool.http === undefined)
    report.error([], 'an empty connection pool says nothing; set tcp or http, or leave it out');
  if (pool.http !== undefined) checkHttpPool(pool.http, report.at('http'));
  if (pool.tcp !== undefined) checkTcpPool(pool.tcp, report.at('tcp'));
}

const HTTP_COUNTS = [
  'http1MaxPendingRequests',
  'http2MaxRequests',
  'maxRequestsPerConnection',
  'maxRetries',
  'maxConcurrentStreams',
] as const;

function checkHttpPool(http: NonNullable<ConnectionPool['http']>, report: Report): void {
  for (const field of HTTP_COUNTS) checkCount(http[field], report, field);
  checkDuration(http.idleTimeout, report, 'idleTimeout');
  if (http.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol === true)
    report.error(
      'useClientProtocol',
      'h2UpgradePolicy UPGRADE already decides the protocol; drop one of the two',
    );
  if (http.http2KeepAlive === undefined) return;
  for (const field of ['interval', 'timeout'] as const) {
    if (http.http2KeepAlive[field] === undefined)
      report.error(['http2KeepAlive', field], `${field} is required here`);
    checkDuration(http.http2KeepAlive[field], report.at('http2KeepAlive'), field);
  }
}

function checkTcpPool(tcp: NonNullable<ConnectionPool['tcp']>, report: Report): void {
  checkCount(tcp.maxConnections, report, 'maxConnections');
  checkDuration(tcp.connectTimeout, report, 'connectTimeout');
  checkDuration(tcp.maxConnectionDuration, report, 'maxConnectionDuration');
  checkDurationOrZero(tcp.idleTimeout, report, 'idleTimeout');
  checkDuration(tcp.tcpKeepalive?.time, report.at('tcpKeepalive'), 'time');
  checkDuration(tcp.tcpKeepalive?.interval, report.at('tcpKeepalive'), 'interval');
}

function checkCount(count: number | undefined, report: Report, field: string): void {
  if (count !== undefined && count < 0) report.error(field, `${count} is negative; write 0 or more`);
}
