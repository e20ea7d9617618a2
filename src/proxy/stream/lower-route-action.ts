import { levelsInOrder } from '../../xds/match/header-append.ts';
import { readRedirect, sameLocation } from '../../xds/match/redirect.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { PathRule } from '../../xds/match/route-match.ts';
import { weightedChoice } from '../../xds/match/weighted.ts';
import type { RouteAction as RouteActionMessage, Route as RouteMessage } from '../../xds/resources.ts';
import { readDataSource } from '../data-source.ts';
import { LB_NAMESPACE, metadataMatch } from '../upstream/metadata-match.ts';
import { joinOperations, readHeaderOperations } from './header-operations.ts';
import { readForwardSettings } from './lower-forward.ts';
import { gatherOverrides, readOverrides } from './lower-overrides.ts';
import type { ActionContext, RouteLevel } from './route-level.ts';
import type { DirectAction, RouteAction, RouteLeaf } from './route-table.ts';

interface ActionFields {
  readonly name: string;
  readonly path: PathRule;
  readonly route: RouteMessage['route'];
  readonly redirect: RouteMessage['redirect'];
  readonly direct_response: RouteMessage['direct_response'];
  readonly non_forwarding_action: RouteMessage['non_forwarding_action'];
}

/** The one action of a route. `field` is the route's. */
export function readAction(
  fields: ActionFields,
  context: ActionContext,
  refuse: Refuse,
  field: string,
): RouteAction {
  const leaf = makeLeaf(fields.name, {}, context.levels, context);
  const { route, redirect, direct_response, non_forwarding_action } = fields;
  if (redirect !== undefined)
    return {
      kind: 'redirect',
      leaf,
      ...readRedirect(redirect, fields.path, refuse, fieldIn(field, 'redirect')),
    };
  if (direct_response !== undefined)
    return {
      kind: 'direct',
      leaf,
      ...readDirect(direct_response, context, refuse, fieldIn(field, 'direct_response')),
    };
  if (non_forwarding_action !== undefined) return { kind: 'none', leaf };
  if (route === undefined) refuse(field, 'has no action');
  return readForward(fields.name, route ?? {}, fields.path, context, refuse, fieldIn(field, 'route'));
}

/** Names of the clusters an action leads to, mirrors included. */
export function forwardedClusters(action: RouteAction): readonly string[] {
  if (action.kind !== 'forward') return [];
  const names = [...action.leaves.options, ...action.mirrors].map(({ cluster }) => cluster);
  return names.filter((name) => name !== '');
}

function readForward(
  name: string,
  message: RouteActionMessage,
  path: PathRule,
  context: ActionContext,
  refuse: Refuse,
  field: string,
): RouteAction {
  const { cluster, cluster_header, weighted_clusters, metadata_match, cors: _cors, ...more } = message;
  // Read with the route.
  const { rate_limits: _limits, include_vh_rate_limits: _include, ...settings } = more;
  const leaves =
    weighted_clusters === undefined
      ? [
          {
            weight: 1,
            value: makeLeaf(
              name,
              { cluster, cluster_header, match: [metadata_match] },
              context.levels,
              context,
            ),
          },
        ]
      : readWeighted(
          name,
          weighted_clusters,
          metadata_match,
          context,
          refuse,
          fieldIn(field, 'weighted_clusters'),
        );
  if (weighted_clusters === undefined && !cluster && !cluster_header) refuse(field, 'names no cluster');
  const forward = readForwardSettings(settings, path, context, refuse, field);
  const drawHeader = (weighted_clusters?.header_name ?? '').toLowerCase();
  return { kind: 'forward', leaves: weightedChoice(leaves), drawHeader, ...forward };
}

function readWeighted(
  name: string,
  message: NonNullable<RouteActionMessage['weighted_clusters']>,
  routeMatch: RouteActionMessage['metadata_match'],
  context: ActionContext,
  refuse: Refuse,
  field: string,
): { weight: number; value: RouteLeaf }[] {
  // total_weight is deprecated: the sum of the weights is the total.
  const {
    clusters = [],
    total_weight: _total,
    runtime_key_prefix: _runtime,
    header_name: _draw,
    ...rest
  } = message;
  refuseRest(refuse, field, rest);
  const leaves = clusters.map((one, i) => {
    const place = fieldIn(field, `clusters[${i}]`);
    const { name: cluster, cluster_header, weight = 0, host_rewrite_literal, ...more } = one;
    const { typed_per_filter_config, request_headers_to_add, request_headers_to_remove, ...others } = more;
    const { response_headers_to_add, response_headers_to_remove, metadata_match, ...unknown } = others;
    refuseRest(refuse, place, unknown);
    const level: RouteLevel = {
      request: readHeaderOperations(
        request_headers_to_add,
        request_headers_to_remove,
        'request',
        refuse,
        place,
      ),
      response: readHeaderOperations(
        response_headers_to_add,
        response_headers_to_remove,
        'response',
        refuse,
        place,
      ),
      mirrors: undefined,
      mirrorField: '',
      overrides: readOverrides(typed_per_filter_config, refuse, fieldIn(place, 'typed_per_filter_config')),
    };
    const value = makeLeaf(
      name,
      { cluster, cluster_header, host_rewrite_literal, match: [routeMatch, metadata_match] },
      [level, ...context.levels],
      context,
    );
    return { weight, value };
  });
  if (leaves.every(({ weight }) => weight === 0)) refuse(fieldIn(field, 'clusters'), 'have no weight');
  return leaves;
}

function makeLeaf(
  route: string,
  target: {
    readonly cluster?: string | undefined;
    readonly cluster_header?: string | undefined;
    readonly host_rewrite_literal?: string | undefined;
    /** Of the route, then of the weighted cluster, which wins. */
    readonly match?: readonly RouteActionMessage['metadata_match'][];
  },
  levels: readonly RouteLevel[],
  { generalFirst }: ActionContext,
): RouteLeaf {
  const inOrder = levelsInOrder(levels, generalFirst);
  const said = levels.flatMap(({ overrides, cors }) =>
    cors === undefined ? [overrides] : [overrides, cors],
  );
  const { overrides, disabled } = gatherOverrides(said);
  return {
    route,
    cluster: target.cluster ?? '',
    clusterHeader: (target.cluster_header ?? '').toLowerCase(),
    requestHeaders: joinOperations(inOrder.map(({ request }) => request)),
    responseHeaders: joinOperations(inOrder.map(({ response }) => response)),
    overrides,
    disabledFilters: disabled,
    rateLimits: levels.find(({ routeRateLimits }) => routeRateLimits !== undefined)?.routeRateLimits,
    hostRewrite: target.host_rewrite_literal || undefined,
    metadataMatch: metadataMatch(
      ...(target.match ?? []).map((match) => match?.filter_metadata?.[LB_NAMESPACE]),
    ),
  };
}

function readDirect(
  message: NonNullable<RouteMessage['direct_response']>,
  context: ActionContext,
  refuse: Refuse,
  field: string,
): Omit<DirectAction, 'kind' | 'leaf'> {
  const { status = 0, body = {}, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (status < 200 || status > 599) refuse(fieldIn(field, 'status'), 'is no status between 200 and 599');
  const text = readDataSource(body, refuse, fieldIn(field, 'body'));
  if (text.length > context.maxDirectBytes)
    refuse(fieldIn(field, 'body'), `is longer than ${context.maxDirectBytes} bytes`);
  const redirects = status >= 300 && status < 400;
  return { status, body: text, location: redirects ? sameLocation : undefined };
}
