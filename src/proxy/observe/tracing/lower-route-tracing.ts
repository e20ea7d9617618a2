import { perMillion } from '../../../xds/match/fraction.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import type { Route } from '../../../xds/resources.ts';
import { readCustomTags } from './custom-tags.ts';
import type { RouteTracing } from './traced-stream.ts';

/** A route's own tracing; undefined for none. Metadata of clusters is not asked for here: routes know none. */
export function readRouteTracing(
  message: Route['tracing'],
  refuse: Refuse,
  field: string,
): RouteTracing['tracing'] {
  if (message === undefined) return undefined;
  const { client_sampling, random_sampling, overall_sampling, custom_tags, ...rest } = message;
  refuseRest(refuse, field, rest);
  const share = (percent: typeof client_sampling): number =>
    percent === undefined ? 10_000 : perMillion(percent) / 100;
  return {
    sampling: {
      client: share(client_sampling),
      random: share(random_sampling),
      overall: share(overall_sampling),
      byRequestId: true,
      packsReason: true,
    },
    customTags: readCustomTags(custom_tags, () => undefined, refuse, fieldIn(field, 'custom_tags')),
  };
}
