import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { Endpoint } from './endpoint.ts';
import { probeOf } from './endpoint-probes.ts';
import type { UpstreamEnvironment } from './environment.ts';
import { checkStats } from './health/check-environment.ts';
import { HealthChecker } from './health/health-checker.ts';

/** Who checks the endpoints of a cluster; undefined where nobody does. */
export function makeChecker(
  config: ClusterConfig,
  clusterStats: ClusterStats,
  environment: UpstreamEnvironment,
  onChecked: (endpoint: Endpoint, changed: boolean) => void,
): HealthChecker<Endpoint> | undefined {
  const { healthCheck } = config;
  if (healthCheck === undefined) return undefined;
  const stats = checkStats(environment.scope);
  return new HealthChecker<Endpoint>(healthCheck, {
    clock: environment.clock,
    random: environment.random,
    stats,
    hadTraffic: () => clusterStats.upstream_cx_total > 0,
    probeFor: (endpoint) => probeOf(endpoint, config, healthCheck, stats, environment),
    onChecked,
  });
}
