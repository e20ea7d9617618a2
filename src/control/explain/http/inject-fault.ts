import { parseProtoDurationMs } from '../../../lib/duration.ts';
import { perMillion } from '../../../xds/match/fraction.ts';
import { compileHeaderMatchers } from '../../../xds/match/header-matcher.ts';
import type { AnyMessage } from '../../../xds/resources.ts';
import type { Scene } from '../scene.ts';
import { shareText } from '../words.ts';
import { localReply } from './local-reply.ts';
import { factsOf, type Request, type Response } from './request.ts';
import { isDrawn } from './share.ts';

type Percent = Parameters<typeof perMillion>[0];

interface Fault {
  readonly delay?: { readonly fixed_delay?: string; readonly percentage?: Percent };
  readonly abort?: {
    readonly http_status?: number;
    readonly grpc_status?: number;
    readonly percentage?: Percent;
  };
  readonly headers?: Parameters<typeof compileHeaderMatchers>[0];
  readonly upstream_cluster?: string;
}

/**
 * Faults made on purpose, where the request and the cluster it is for are meant: a delay lets time go by, an abort is the
 * answer.
 */
export function injectFault(
  scene: Scene,
  config: AnyMessage,
  request: Request,
  cluster: string,
): Response | undefined {
  const { delay, abort, headers: meant, upstream_cluster = '' } = config as AnyMessage & Fault;
  if (upstream_cluster !== '' && upstream_cluster !== cluster) return undefined;
  const facts = factsOf(request);
  if (!compileHeaderMatchers(meant, () => {}, '').every((matches) => matches(facts))) return undefined;
  if (delay !== undefined && isDrawn(scene, perMillion(delay.percentage))) {
    scene.trace.clockMs += parseProtoDurationMs(delay.fixed_delay ?? '') ?? 0;
    scene.trace.step(`waits ${delay.fixed_delay} on purpose${ofAll(delay.percentage)}`);
  }
  if (abort === undefined || !isDrawn(scene, perMillion(abort.percentage))) return undefined;
  const status = abort.http_status ?? 200;
  scene.trace.step(`is answered with ${status} on purpose${ofAll(abort.percentage)}`);
  const reply = localReply(request, status, 'fault filter abort', 'fault_filter_abort');
  if (abort.grpc_status === undefined) return reply;
  const headers = reply.headers.filter(([name]) => name !== 'grpc-status');
  return { ...reply, headers: [...headers, ['grpc-status', String(abort.grpc_status)]] };
}

function ofAll(percent: Percent): string {
  const share = perMillion(percent) / 1_000_000;
  return share >= 1 ? '' : `, as ${shareText(share)} of the requests do`;
}
