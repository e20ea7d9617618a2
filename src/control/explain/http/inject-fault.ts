import { perMillion } from '../../../xds/match/fraction.ts';
import type { AnyMessage } from '../../../xds/resources.ts';
import type { Scene } from '../scene.ts';
import { shareText } from '../words.ts';
import { localReply } from './local-reply.ts';
import type { Request, Response } from './request.ts';
import { isDrawn } from './share.ts';

type Percent = Parameters<typeof perMillion>[0];

interface Fault {
  readonly delay?: { readonly fixed_delay?: string; readonly percentage?: Percent };
  readonly abort?: {
    readonly http_status?: number;
    readonly grpc_status?: number;
    readonly percentage?: Percent;
  };
}

/** Faults made on purpose: a delay is only told of, an abort is the answer. */
export function injectFault(scene: Scene, config: AnyMessage, request: Request): Response | undefined {
  const { delay, abort } = config as AnyMessage & Fault;
  if (delay !== undefined && isDrawn(scene, perMillion(delay.percentage)))
    scene.trace.step(`waits ${delay.fixed_delay} on purpose${ofAll(delay.percentage)}`);
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
