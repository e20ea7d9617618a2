import { choose, weightedChoice } from '../../../xds/match/weighted.ts';
import {
  type AnyMessage,
  messageOf,
  type RouteConfiguration,
  type VirtualHost,
  type WeightedCluster,
} from '../../../xds/resources.ts';
import { because } from '../because.ts';
import { type Alternative, NOBODY } from '../explanation.ts';
import type { Scene } from '../scene.ts';
import { shareText } from '../words.ts';
import type { PickedRoute } from './pick-route.ts';

type Weighted = NonNullable<WeightedCluster['clusters']>[number];

/** What a route, its weighted cluster, its virtual host and its table say alike; the narrowest first. */
export type Level = Pick<
  VirtualHost,
  | 'request_headers_to_add'
  | 'request_headers_to_remove'
  | 'response_headers_to_add'
  | 'response_headers_to_remove'
  | 'typed_per_filter_config'
>;

/** What a request ends up at: a route, and one of its clusters where it forwards. */
export interface Leaf extends PickedRoute {
  readonly host: VirtualHost;
  /** '' where the route forwards nothing; undefined where all weights are zero. */
  readonly cluster: string | undefined;
  /** Of a weighted cluster. */
  readonly hostRewrite: string | undefined;
  readonly levels: readonly Level[];
  /** The table's levels count before the narrow ones. */
  readonly generalFirst: boolean;
}

/** Falls on one of the route's clusters. */
export function pickLeaf(
  scene: Scene,
  table: RouteConfiguration,
  host: VirtualHost,
  picked: PickedRoute,
): Leaf {
  const { route } = picked;
  const weighted = route.route?.weighted_clusters?.clusters;
  const around = {
    ...picked,
    host,
    levels: [route, host, table],
    generalFirst: table.most_specific_header_mutations_wins === true,
  };
  if (weighted === undefined)
    return { ...around, cluster: route.route?.cluster ?? '', hostRewrite: undefined };
  const one = pickWeighted(scene, weighted, picked);
  return {
    ...around,
    cluster: one?.name,
    hostRewrite: one?.host_rewrite_literal || undefined,
    levels: one === undefined ? around.levels : [one, ...around.levels],
  };
}

function pickWeighted(
  scene: Scene,
  clusters: readonly Weighted[],
  { origin }: PickedRoute,
): Weighted | undefined {
  const choice = weightedChoice(clusters.map((value) => ({ value, weight: value.weight ?? 0 })));
  if (choice.total === 0) return undefined;
  const weights = choice.options.map(({ weight = 0 }) => weight);
  const at = scene.chance.pick(weights);
  const picked = choose(choice, (choice.sums[at] ?? 1) - 1);
  const share = (weight = 0): string => shareText(weight / choice.total);
  const instead = choice.options.flatMap((option): Alternative[] =>
    option === picked
      ? []
      : [{ what: option.name ?? '', why: `gets ${share(option.weight)}`, because: NOBODY }],
  );
  scene.trace.step(
    `${share(picked?.weight)} of the requests go to ${picked?.name}`,
    because(scene.places.mesh, origin),
    instead,
  );
  return picked;
}

const WRAPPER = 'envoy.config.route.v3.FilterConfig';

/** What a route says to a filter: nothing, its own configuration, or that it is off here. */
export function overrideFor(
  leaf: { readonly levels: readonly Level[] } | undefined,
  filter: string,
): AnyMessage | 'disabled' | undefined {
  for (const { typed_per_filter_config: configs } of leaf?.levels ?? []) {
    const config = configs?.[filter];
    if (config === undefined) continue;
    if (messageOf(config['@type']) !== WRAPPER) return config;
    if (config['disabled'] === true) return 'disabled';
    if (config['config'] !== undefined) return config['config'] as AnyMessage;
  }
  return undefined;
}
