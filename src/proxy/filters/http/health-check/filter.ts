import { setHeader } from '../../../../wire/headers.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Runtime } from '../../../runtime.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { HEALTH_CHECK_MESSAGE, type HealthCheckConfig, lowerHealthCheck } from './config.ts';

/**
 * Answers health checks for this proxy: 200, or 503 where a cluster has too few healthy endpoints. Or lets the upstream
 * answer them, and repeats what it said for a while.
 */
export const healthCheckKind: HttpFilterKind = {
  message: HEALTH_CHECK_MESSAGE,
  routeMessage: '',
  lower(message, context) {
    const config = lowerHealthCheck(message, context);
    const { runtime } = context;
    const filter = config.passesThrough ? passThrough(config, runtime) : local(config, runtime);
    return { name: context.name, forRoute: () => filter };
  },
  lowerRoute: () => undefined,
};

const CLUSTER_HEADER = 'x-envoy-upstream-healthchecked-cluster';

function matches({ headers }: HealthCheckConfig, { request }: FilterStream): boolean {
  return headers.every((test) => test(request));
}

function local(config: HealthCheckConfig, runtime: Runtime): HttpFilter {
  return {
    requestHeaders: (stream) =>
      matches(config, stream)
        ? reply(runtime, config.minHealthy.length === 0 ? OK : healthOf(config, runtime))
        : undefined,
  };
}

interface Outcome {
  readonly status: number;
  readonly details: string;
}

const OK: Outcome = { status: 200, details: 'health_check_ok' };

function reply({ node }: Runtime, { status, details }: Outcome): Reply {
  const headers = [CLUSTER_HEADER, node.cluster];
  const failed = status < 200 || status > 299;
  return { status, body: '', details, headers, ...(failed && { flags: FLAG.failedLocalHealthCheck }) };
}

function passThrough(config: HealthCheckConfig, runtime: Runtime): HttpFilter {
  const asked = {};
  let known: { readonly status: number; readonly untilMs: number } | undefined;
  return {
    requestHeaders(stream) {
      if (!matches(config, stream)) return undefined;
      if (known !== undefined && stream.clock.monotonicMs() < known.untilMs)
        return reply(runtime, { status: known.status, details: 'health_check_cached' });
      stream.stateOf(asked, () => true);
      return undefined;
    },
    responseHeaders(stream) {
      if (stream.knownState(asked) !== true) return undefined;
      const { status, headers } = stream.response;
      if (config.cacheMs > 0) known = { status, untilMs: stream.clock.monotonicMs() + config.cacheMs };
      setHeader(headers, CLUSTER_HEADER, runtime.node.cluster);
      return undefined;
    },
  };
}

/** The first cluster that fails decides. One that is not there, or is empty, is healthy only where nothing is asked of it. */
function healthOf({ minHealthy }: HealthCheckConfig, runtime: Runtime): Outcome {
  const failed = (why: string): Outcome => ({ status: 503, details: `health_check_failed_${why}` });
  for (const { cluster, percent } of minHealthy) {
    const stats = runtime.cluster(cluster)?.stats;
    if (stats === undefined) return failed('no_cluster_found');
    const { membership_healthy, membership_degraded, membership_total } = stats;
    if (membership_total === 0 && percent > 0) return failed('cluster_empty');
    if (100 * (membership_healthy + membership_degraded) < membership_total * percent)
      return failed('cluster_unhealthy');
  }
  return { status: 200, details: 'health_check_ok_cluster_healthy' };
}
