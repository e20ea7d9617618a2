import { perMillion } from '../../../xds/match/fraction.ts';
import type { RouteAction } from '../../../xds/resources.ts';
import type { Held, Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { Trace } from '../trace.ts';
import { sendOn } from '../upstream/send-on.ts';
import { shareText } from '../words.ts';
import type { Request } from './request.ts';
import { isDrawn } from './share.ts';

/** Sends copies of a request where its route says so. Nobody waits for their answers. */
export function mirror(
  scene: Scene,
  held: Held,
  action: RouteAction,
  managed: Managed,
  request: Request,
): void {
  for (const policy of action.request_mirror_policies ?? []) {
    const { cluster = '', runtime_fraction, disable_shadow_host_suffix_append: keepHost } = policy;
    const fraction = runtime_fraction?.default_value;
    const share = fraction === undefined ? 1_000_000 : perMillion(fraction);
    if (!isDrawn(scene, share)) continue;
    const authority = keepHost === true ? request.authority : shadowHost(request.authority);
    const reached = copyReached(scene, held, cluster, managed, { ...request, authority });
    const ofAll = share >= 1_000_000 ? '' : `, as of ${shareText(share / 1_000_000)} of the requests`;
    const whom = reached === undefined ? 'and reaches nobody' : `and reaches ${reached}`;
    scene.trace.step(`a copy goes to ${cluster} ${whom}${ofAll}`);
    if (reached !== undefined) scene.trace.mirroredTo.push(reached);
  }
}

/** Who gets a copy; what is written down on its way is of no interest. */
function copyReached(
  scene: Scene,
  held: Held,
  cluster: string,
  { connection }: Managed,
  request: Request,
): string | undefined {
  const aside = { ...scene, trace: new Trace() };
  const reached = sendOn(aside, held, cluster, connection, request);
  return reached.kind === 'sent' ? reached.ending.arrival?.workload : undefined;
}

/** `reviews:9080` -> `reviews-shadow:9080`, as Envoy marks copies. */
function shadowHost(authority: string): string {
  const [, host = authority, port = ''] = /^(.*?)(:\d+)?$/.exec(authority) ?? [];
  return `${host}-shadow${port}`;
}
