import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import { type HttpConnectionManager, messageOf } from '../../../xds/resources.ts';
import type { FilterContext } from '../../runtime.ts';
import { readCustomTags } from './custom-tags.ts';
import { readProvider } from './lower-provider.ts';
import type { Sampling } from './sampling.ts';
import { Tracing } from './tracing.ts';

type Message = NonNullable<HttpConnectionManager['tracing']>;

const MAX_PATH_LENGTH = 256;
const UUID = 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig';

/** The `tracing` of a connection manager, with what its request_id_extension says of it. */
export function readTracing(
  manager: {
    readonly tracing: Message | undefined;
    readonly request_id_extension: HttpConnectionManager['request_id_extension'] | undefined;
    readonly stat_prefix: string;
  },
  context: FilterContext,
  refuse: Refuse,
  field: string,
): Tracing | undefined {
  const ids = readRequestId(manager.request_id_extension, refuse, fieldIn(field, 'request_id_extension'));
  if (manager.tracing === undefined) return undefined;
  const place = fieldIn(field, 'tracing');
  const { client_sampling, random_sampling, overall_sampling, verbose = false, ...more } = manager.tracing;
  const { max_path_tag_length, custom_tags, provider, spawn_upstream_span = false, ...rest } = more;
  refuseRest(refuse, place, rest);
  const { runtime } = context;
  const clusters = (name: string) => runtime.cluster(name)?.config.metadata;
  const zone = runtime.node.metadata['ZONE'];
  return new Tracing(
    {
      operation: context.direction === 'outbound' ? 'egress' : 'ingress',
      sampling: {
        client: perTenThousand(client_sampling),
        random: perTenThousand(random_sampling),
        overall: perTenThousand(overall_sampling),
        ...ids,
      },
      verbose,
      maxPathLength: max_path_tag_length ?? MAX_PATH_LENGTH,
      customTags: readCustomTags(custom_tags, clusters, refuse, fieldIn(place, 'custom_tags')),
      spawnsUpstream: spawn_upstream_span,
      tracer:
        provider === undefined
          ? undefined
          : readProvider(provider, runtime, refuse, fieldIn(place, 'provider')),
      nodeId: runtime.node.id,
      zone: typeof zone === 'string' ? zone : '',
    },
    runtime.metrics.scope(`http.${manager.stat_prefix}.tracing.`),
  );
}

/** Absent is all. */
function perTenThousand(percent: Message['random_sampling']): number {
  return percent === undefined ? 10_000 : Math.round((percent.value ?? 0) * 100);
}

function readRequestId(
  message: HttpConnectionManager['request_id_extension'] | undefined,
  refuse: Refuse,
  field: string,
): Pick<Sampling, 'byRequestId' | 'packsReason'> {
  const { '@type': type = UUID, ...config } = message?.typed_config ?? {};
  if (messageOf(type as string) !== UUID)
    refuse(fieldIn(field, 'typed_config'), `'${type}' is not supported by this proxy`);
  const {
    pack_trace_reason = true,
    use_request_id_for_trace_sampling = true,
    ...rest
  } = config as {
    readonly pack_trace_reason?: boolean;
    readonly use_request_id_for_trace_sampling?: boolean;
  };
  refuseRest(refuse, fieldIn(field, 'typed_config'), rest);
  return { byRequestId: use_request_id_for_trace_sampling, packsReason: pack_trace_reason };
}
