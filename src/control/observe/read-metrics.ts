import { get } from 'node:http';
import { type ProxyCounts, proxyCountsOf, WANTED_STATISTICS } from './proxy-counts.ts';

/** Most that is read of one proxy's statistics: Envoy sends what it is asked for, weft's proxy everything. */
const MAX_METRICS_BYTES = 8 * 1024 * 1024;
const METRICS_TIMEOUT_MS = 3_000;

/** Where a proxy offers its statistics. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Asks one proxy; undefined where it does not answer whole and in time. Never rejects. */
export function readMetrics({ host, port }: MetricsAddress): Promise<ProxyCounts | undefined> {
  const path = `/stats/prometheus?filter=${encodeURIComponent(WANTED_STATISTICS)}`;
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(METRICS_TIMEOUT_MS);
    const request = get({ host, port, path, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_METRICS_BYTES) request.destroy(new Error('too much'));
      });
      response.on('error', () => resolve(undefined));
      response.on('end', () => {
        const isWhole = response.statusCode === 200 && response.complete;
        resolve(isWhole ? proxyCountsOf(Buffer.concat(chunks).toString('utf8')) : undefined);
      });
    });
    request.on('error', () => resolve(undefined));
  });
}
