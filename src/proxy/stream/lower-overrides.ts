import { fieldIn, type Refuse } from '../../xds/match/refuse.ts';
import { type AnyMessage, messageOf, type VirtualHost } from '../../xds/resources.ts';
import { routeKindOf } from '../filters/http/kinds.ts';
import type { RouteOverride } from './route-table.ts';

// What routes say to filters (typed_per_filter_config): lowered once per place, gathered per leaf.

/** One place's say, by name of the filter in the chain. */
export type OverrideLevel = ReadonlyMap<
  string,
  { readonly override: RouteOverride | undefined; readonly disabled: boolean }
>;

const WRAPPER = 'envoy.config.route.v3.FilterConfig';
const CORS = {
  name: 'envoy.filters.http.cors',
  message: 'envoy.extensions.filters.http.cors.v3.CorsPolicy',
} as const;

export function readOverrides(
  messages: { readonly [name: string]: AnyMessage } | undefined,
  refuse: Refuse,
  field: string,
): OverrideLevel {
  const level = new Map<string, { override: RouteOverride | undefined; disabled: boolean }>();
  for (const [name, message] of Object.entries(messages ?? {})) {
    const place = fieldIn(field, name);
    if (messageOf(message['@type']) === WRAPPER) readWrapped(level, name, message, refuse, place);
    else level.set(name, { override: readOverride(name, message, refuse, place), disabled: false });
  }
  return level;
}

/** `cors` of a virtual host or route is the same as the filter's own configuration there. */
export function corsLevel(
  cors: VirtualHost['cors'],
  refuse: Refuse,
  field: string,
): OverrideLevel | undefined {
  if (cors === undefined) return undefined;
  const message = { '@type': `type.googleapis.com/${CORS.message}`, ...cors };
  const override = readOverride(CORS.name, message, refuse, fieldIn(field, 'cors'));
  return new Map([[CORS.name, { override, disabled: false }]]);
}

/** Levels from the most specific to the most general: per filter what each says, and whether the first to speak disables it. */
export function gatherOverrides(levels: readonly OverrideLevel[]): {
  readonly overrides: ReadonlyMap<string, readonly RouteOverride[]>;
  readonly disabled: ReadonlySet<string>;
} {
  const overrides = new Map<string, RouteOverride[]>();
  const disabled = new Set<string>();
  const seen = new Set<string>();
  for (const level of levels)
    for (const [name, said] of level) {
      if (!seen.has(name) && said.disabled) disabled.add(name);
      seen.add(name);
      if (said.override !== undefined) overrides.set(name, [...(overrides.get(name) ?? []), said.override]);
    }
  return { overrides, disabled };
}

function readWrapped(
  level: Map<string, { override: RouteOverride | undefined; disabled: boolean }>,
  name: string,
  message: AnyMessage,
  refuse: Refuse,
  field: string,
): void {
  const { config, is_optional, disabled } = message as {
    readonly config?: AnyMessage;
    readonly is_optional?: boolean;
    readonly disabled?: boolean;
  };
  // An optional configuration that nobody here knows is the one thing that may be left out.
  const known =
    config !== undefined && (is_optional !== true || routeKindOf(messageOf(config['@type'])) !== undefined);
  const override = known ? readOverride(name, config, refuse, fieldIn(field, 'config')) : undefined;
  level.set(name, { override, disabled: disabled ?? false });
}

function readOverride(
  name: string,
  message: AnyMessage,
  refuse: Refuse,
  field: string,
): RouteOverride | undefined {
  const kind = routeKindOf(messageOf(message['@type']));
  if (kind !== undefined) return kind.lowerRoute(message, { name, refuse, field });
  refuse(field, `'${message['@type']}' is not supported by this proxy`);
  return undefined;
}
