import { DEFAULT_HTTP1_LIMITS, type Http1Limits } from '../../../../wire/http1/limits.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type HttpConnectionManager as Message, messageOf } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import { type AccessLog, readAccessLogs } from '../../../observe/access-log.ts';
import { readTracing } from '../../../observe/tracing/lower-tracing.ts';
import type { Tracing } from '../../../observe/tracing/tracing.ts';
import type { FilterContext } from '../../../runtime.ts';
import type { ConfiguredFilter } from '../../../stream/http-filter.ts';
import type { ServerTimes } from '../../../stream/http1-server.ts';
import { readRouteConfiguration } from '../../../stream/lower-route.ts';
import type { InterimLogSettings, ManagerSettings } from '../../../stream/manager.ts';
import type { RouteTable } from '../../../stream/route-table.ts';
import type { Terminal } from '../../../stream/routed-stream.ts';
import type { TerminalParts } from '../../../stream/terminal-kind.ts';
import { kindOf, terminalKind } from '../../http/kinds.ts';
import { type Http2Config, readHttp2Options } from './http2-options.ts';
import { readManagerSettings } from './settings.ts';

/** A connection manager as configured. Immutable. */
export interface ManagerConfig {
  readonly statPrefix: string;
  /** The routes in the configuration, or the name of those that come by RDS. */
  readonly routes: { readonly table: RouteTable } | { readonly rdsName: string };
  readonly filters: readonly ConfiguredFilter[];
  readonly makeTerminal: (parts: TerminalParts) => Terminal;
  readonly accessLogs: readonly AccessLog[];
  readonly interimLogs: InterimLogSettings | undefined;
  readonly tracing: Tracing | undefined;
  readonly settings: ManagerSettings;
  readonly times: ServerTimes;
  readonly limits: Http1Limits;
  /** What clients speak; `auto`: what TLS agreed on, or else what their first bytes are. */
  readonly codec: 'auto' | 'http1' | 'http2';
  readonly http2: Http2Config;
}

export const MANAGER_MESSAGE =
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** Envoy's defaults. */
const IDLE_MS = 3_600_000;
const DELAYED_CLOSE_MS = 1000;
const DRAIN_MS = 5000;
/** Where no delayed close is configured. */
const DISCARD_MS = 1000;
const MAX_HEADERS = 100;
const MAX_HEADERS_KB = 60;

export function readManager(
  message: Message,
  context: FilterContext,
  refuse: Refuse,
  field: string,
): ManagerConfig {
  const {
    stat_prefix = '',
    rds,
    route_config,
    scoped_routes,
    http_filters = [],
    access_log,
    tracing,
    request_id_extension,
    ...more
  } = message;
  if (scoped_routes !== undefined) refuse(fieldIn(field, 'scoped_routes'), 'is not supported by this proxy');
  const {
    codec_type = 'AUTO',
    request_headers_timeout,
    delayed_close_timeout,
    max_request_headers_kb,
    drain_timeout,
    http2_protocol_options,
    access_log_options,
    access_log_flush_interval,
    flush_access_log_on_new_request,
    ...settings
  } = more;
  if (codec_type === 'HTTP3')
    refuse(fieldIn(field, 'codec_type'), 'HTTP3 from clients is not supported by this proxy');
  const common = settings.common_http_protocol_options ?? {};
  const duration = (text: string | undefined, name: string, absentMs: number): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  const idleMs = duration(common.idle_timeout, 'common_http_protocol_options.idle_timeout', IDLE_MS);
  const managerSettings = readManagerSettings(settings, context, refuse, field);
  const limits = {
    ...DEFAULT_HTTP1_LIMITS,
    maxHeaderBytes: (max_request_headers_kb ?? MAX_HEADERS_KB) * 1024,
    maxHeaderCount: common.max_headers_count ?? MAX_HEADERS,
  };
  const drainMs = duration(drain_timeout, 'drain_timeout', DRAIN_MS);
  const discardMs = duration(delayed_close_timeout, 'delayed_close_timeout', DELAYED_CLOSE_MS) || DISCARD_MS;
  const around = { idleMs, drainMs, discardMs, flushMs: managerSettings.streamIdleMs, ...limits };
  return {
    statPrefix: stat_prefix,
    routes: readRoutes(rds, route_config, refuse, field),
    ...readFilters(http_filters, stat_prefix, context, refuse, field),
    tracing:
      (tracing ?? request_id_extension) &&
      readTracing({ tracing, request_id_extension, stat_prefix }, context, refuse, field),
    accessLogs: readAccessLogs(access_log, context.runtime, refuse, fieldIn(field, 'access_log')),
    interimLogs: readInterimLogs(
      { access_log_flush_interval, flush_access_log_on_new_request, ...access_log_options },
      refuse,
      fieldIn(field, 'access_log_options'),
    ),
    settings: managerSettings,
    times: {
      idleMs,
      headersMs: duration(request_headers_timeout, 'request_headers_timeout', 0),
      delayedCloseMs: duration(delayed_close_timeout, 'delayed_close_timeout', DELAYED_CLOSE_MS),
    },
    limits,
    codec: codec_type === 'HTTP2' ? 'http2' : codec_type === 'HTTP1' ? 'http1' : 'auto',
    http2: readHttp2Options(http2_protocol_options, around, refuse, fieldIn(field, 'http2_protocol_options')),
  };
}

type LogOptions = NonNullable<Message['access_log_options']>;

/** Entries about streams that are not over. The fields are also the manager's own, in their older form. */
function readInterimLogs(
  message: { readonly [K in keyof LogOptions]: LogOptions[K] | undefined },
  refuse: Refuse,
  field: string,
): InterimLogSettings | undefined {
  const { access_log_flush_interval, flush_access_log_on_new_request: onStart = false, ...rest } = message;
  refuseRest(refuse, field, rest);
  const place = fieldIn(field, 'access_log_flush_interval');
  const everyMs = readDurationMs(access_log_flush_interval, 0, refuse, place);
  return onStart || everyMs > 0 ? { onStart, everyMs } : undefined;
}

/** Where RDS comes from the owner of the stream knows; here only the name counts. */
function readRoutes(
  rds: Message['rds'],
  routeConfig: Message['route_config'],
  refuse: Refuse,
  field: string,
): ManagerConfig['routes'] {
  if (routeConfig !== undefined)
    return { table: readRouteConfiguration(routeConfig, refuse, fieldIn(field, 'route_config')) };
  const { config_source: _source, route_config_name = '', ...rest } = rds ?? {};
  refuseRest(refuse, fieldIn(field, 'rds'), rest);
  if (route_config_name === '') refuse(field, 'has neither route_config nor rds with a name');
  return { rdsName: route_config_name };
}

type HttpFilterMessage = NonNullable<Message['http_filters']>[number];

function readFilters(
  messages: readonly HttpFilterMessage[],
  statPrefix: string,
  context: FilterContext,
  refuse: Refuse,
  field: string,
): Pick<ManagerConfig, 'filters' | 'makeTerminal'> {
  const filters: ConfiguredFilter[] = [];
  const { runtime, direction } = context;
  const stats = runtime.metrics.scope(`http.${statPrefix}.`);
  const around = { refuse, statPrefix, stats, runtime, direction, chain: {} };
  let makeTerminal: ManagerConfig['makeTerminal'] | undefined;
  for (const [i, message] of messages.entries()) {
    const place = fieldIn(field, `http_filters[${i}]`);
    const { name = '', typed_config, is_optional = false, disabled = false, ...rest } = message;
    refuseRest(refuse, place, rest);
    const kindName = messageOf(typed_config?.['@type'] ?? '');
    const filterContext = { ...around, name, field: fieldIn(place, 'typed_config') };
    if (kindName === terminalKind.message && typed_config !== undefined) {
      if (i < messages.length - 1) refuse(place, 'the router must be the last filter');
      makeTerminal = terminalKind.lower(typed_config, filterContext);
      continue;
    }
    const kind = kindOf(kindName);
    if (kind === undefined || typed_config === undefined) {
      if (!is_optional)
        refuse(filterContext.field, `the filter '${kindName || name}' is not supported by this proxy`);
      continue;
    }
    const filter = kind.lower(typed_config, filterContext);
    filters.push(disabled ? onlyWhereConfigured(filter) : filter);
  }
  if (makeTerminal === undefined) refuse(fieldIn(field, 'http_filters'), 'do not end in a router');
  return { filters, makeTerminal: makeTerminal as ManagerConfig['makeTerminal'] };
}

/** A filter that is disabled in the chain runs where a route has a configuration of its own for it. */
function onlyWhereConfigured(filter: ConfiguredFilter): ConfiguredFilter {
  return {
    name: filter.name,
    forRoute: (overrides, leaf) => (overrides.length === 0 ? undefined : filter.forRoute(overrides, leaf)),
  };
}
