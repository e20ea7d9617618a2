/** ConfigSource (config.core.v3): where a resource comes from. */
import type { Refuse } from '../../xds/match/refuse.ts';
import type { Bootstrap } from '../../xds/resources.ts';
import { typeUrls } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';

export type ConfigSource = NonNullable<NonNullable<Bootstrap['dynamic_resources']>['lds_config']>;

/** A source, read. `key`: equal sources have equal ones. */
export type Source =
  | { readonly kind: 'ads'; readonly key: 'ads' }
  | {
      readonly kind: 'grpc';
      readonly key: string;
      readonly cluster: string;
      readonly delta: boolean;
      readonly metadata: readonly string[];
    }
  | {
      readonly kind: 'rest';
      readonly key: string;
      readonly cluster: string;
      readonly refreshMs: number;
      readonly timeoutMs: number;
    }
  | {
      readonly kind: 'file';
      readonly key: string;
      readonly path: string;
      readonly watched: string | undefined;
    };

export const adsSource: Source = { kind: 'ads', key: 'ads' };

/** A resource that comes from elsewhere than ADS. */
export interface SourcedName {
  readonly typeUrl: string;
  readonly name: string;
  readonly source: ConfigSource;
}

export function readSource(source: ConfigSource, refuse: Refuse, field: string): Source {
  const { ads, self, path, path_config_source: file, api_config_source: api } = source;
  if (file !== undefined || path !== undefined) {
    const watched = file?.watched_directory?.path;
    const name = file?.path ?? path ?? '';
    return { kind: 'file', key: `file ${name} ${watched ?? ''}`, path: name, watched };
  }
  if (api !== undefined) {
    if (api.api_type === 'REST') return readRest(api, refuse, `${field}.api_config_source`);
    const delta = api.api_type === 'DELTA_GRPC';
    if (!delta && api.api_type !== 'GRPC')
      refuse(
        `${field}.api_config_source.api_type`,
        `${api.api_type ?? 'nothing'} is not supported: GRPC, DELTA_GRPC or REST`,
      );
    const service = api.grpc_services?.[0];
    const cluster = service?.envoy_grpc?.cluster_name ?? '';
    if (cluster === '')
      refuse(`${field}.api_config_source.grpc_services[0]`, 'needs envoy_grpc with cluster_name');
    const metadata = (service?.initial_metadata ?? []).flatMap((h) => [h.key ?? '', h.value ?? '']);
    return { kind: 'grpc', key: `grpc ${cluster} ${delta}`, cluster, delta, metadata };
  }
  if (ads === undefined && self === undefined)
    refuse(field, 'must be ads, self, api_config_source or path_config_source');
  return adsSource;
}

/** How long an answer may take unless the source says (ApiConfigSource.request_timeout). */
const REQUEST_TIMEOUT_MS = 1_000;

type ApiSource = NonNullable<ConfigSource['api_config_source']>;

function readRest(api: ApiSource, refuse: Refuse, field: string): Source {
  const cluster = api.cluster_names?.[0] ?? '';
  if (api.cluster_names?.length !== 1) refuse(`${field}.cluster_names`, 'must name one cluster');
  const refreshMs = readDurationMs(api.refresh_delay, 0, refuse, `${field}.refresh_delay`);
  if (refreshMs <= 0) refuse(`${field}.refresh_delay`, 'must be longer than nothing');
  const timeoutMs = readDurationMs(
    api.request_timeout,
    REQUEST_TIMEOUT_MS,
    refuse,
    `${field}.request_timeout`,
  );
  return { kind: 'rest', key: `rest ${cluster} ${refreshMs}`, cluster, refreshMs, timeoutMs };
}

/**
 * The resources that a message names with a source other than ADS, wherever they stand in it: rds, eds_config of a
 * cluster, sds_config of a TLS context. `owner` is the message's own name.
 */
export function namedSources(message: unknown, owner: string): readonly SourcedName[] {
  const found: SourcedName[] = [];
  const add = (typeUrl: string, name: unknown, source: ConfigSource | undefined): void => {
    if (source === undefined || source.ads !== undefined || source.self !== undefined) return;
    found.push({ typeUrl, name: typeof name === 'string' && name !== '' ? name : owner, source });
  };
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) walk(item);
    if (typeof value !== 'object' || value === null) return;
    const fields = value as Record<string, never>;
    add(typeUrls.endpoint, fields['service_name'], fields['eds_config']);
    add(typeUrls.secret, fields['name'], fields['sds_config']);
    if (fields['route_config_name'] !== undefined)
      add(typeUrls.route, fields['route_config_name'], fields['config_source']);
    for (const field of Object.values(fields)) walk(field);
  };
  walk(message);
  return found;
}
