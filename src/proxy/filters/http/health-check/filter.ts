import type { Runtime } from '../../../runtime.ts';
import type { HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { HEALTH_CHECK_MESSAGE, type HealthCheckConfig, lowerHealthCheck } from './config.ts';

/** Answers health checks for this proxy: 200, or 503 where a cluster has too few healthy endpoints. */
export const healthCheckKind: HttpFilterKind = {
  message: HEALTH_CHECK_MESSAGE,
  routeMessage: '',
  lower(message, context) {
    const config = lowerHealthCheck(message, context);
    const { runtime } = context;
    const filter = {
      requestHeaders: ({
        request,
      }: {
        readonly request: Parameters<HealthCheckConfig['headers'][number]>[0];
      }) => (config.headers.every((matches) => matches(request)) ? answer(config, runtime) : undefined),
    };
    return { name: context.name, forRoute: () => filter };
  },
  lowerRoute: () => undefined,
};

function answer(config: HealthCheckConfig, runtime: Runtime): Reply {
  const tooFew = config.minHealthy.some(({ cluster, percent }) => !isHealthy(runtime, cluster, percent));
  return tooFew
    ? { status: 503, body: '', details: 'health_check_cluster_unhealthy' }
    : { status: 200, body: '', details: 'health_check_ok' };
}

/** A cluster that is not there, or is empty, is healthy only where nothing is asked of it. */
function isHealthy(runtime: Runtime, name: string, percent: number): boolean {
  const stats = runtime.cluster(name)?.stats;
  if (stats === undefined || stats.membership_total === 0) return percent === 0;
  const { membership_healthy, membership_degraded, membership_total } = stats;
  return 100 * (membership_healthy + membership_degraded) >= membership_total * percent;
}
