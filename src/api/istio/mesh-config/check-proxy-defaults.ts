import { checkDuration } from '../../check/duration.ts';
import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import type { ProxyDefaults } from './proxy-defaults.ts';

/** Ports, times and numbers of how a proxy is run: of all proxies, or of a single one. */
export function checkProxyDefaults(config: ProxyDefaults, report: Report): void {
  for (const field of ['proxyAdminPort', 'statusPort'] as const) {
    const problem = config[field] === undefined ? undefined : portProblem(config[field]);
    if (problem !== undefined) report.error(field, problem);
  }
  for (const field of ['drainDuration', 'terminationDrainDuration'] as const)
    checkDuration(config[field], report, field);
  if ((config.concurrency ?? 0) < 0)
    report.error('concurrency', 'concurrency is 0 (one thread per core) or more');
  checkConnectionSettings(config.connectionSettings ?? {}, report.at('connectionSettings'));
}

/** Least values, as Istio has them. */
const LEAST: readonly (readonly [keyof Settings, number])[] = [
  ['listenerPerConnectionBufferLimitBytes', 0],
  ['clusterPerConnectionBufferLimitBytes', 0],
  ['httpMaxConcurrentStreams', 1],
  ['http2InitialStreamWindowSize', 65_535],
  ['http2InitialConnectionWindowSize', 65_535],
  ['listenerConnectionLimit', 1],
  ['globalDownstreamConnectionLimit', 1],
];

type Settings = NonNullable<ProxyDefaults['connectionSettings']>;

function checkConnectionSettings(settings: Settings, report: Report): void {
  for (const [field, least] of LEAST) {
    const value = settings[field];
    if (typeof value === 'number' && value < least)
      report.error(field, `${value} is too little: at least ${least}`);
  }
  if (settings.listenerConnectionLimit !== undefined)
    report.warn(
      'listenerConnectionLimit',
      'has no effect: listeners are not limited one by one (nor by Istio); use globalDownstreamConnectionLimit',
    );
}
