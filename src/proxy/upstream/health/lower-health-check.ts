import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import { compileStringMatcher } from '../../../xds/match/string-matcher.ts';
import type { Cluster } from '../../../xds/resources.ts';
import { readChoice, readDurationMs } from '../../fields.ts';
import type {
  GrpcProbeConfig,
  HeaderChange,
  HealthCheckConfig,
  HttpProbeConfig,
  ProbeConfig,
  StatusRange,
  TcpProbeConfig,
} from './health-check-config.ts';

type Message = NonNullable<Cluster['health_checks']>[number];
type Payload = NonNullable<NonNullable<Message['tcp_health_check']>['send']>;
type HeaderOption = NonNullable<NonNullable<Message['http_health_check']>['request_headers_to_add']>[number];

/** `health_checks` of a cluster: none or one. */
export function readHealthChecks(
  messages: Cluster['health_checks'],
  refuse: Refuse,
): HealthCheckConfig | undefined {
  const [first, ...more] = messages ?? [];
  if (more.length > 0) refuse('health_checks', 'has more than one: a cluster has one kind of check');
  return first === undefined ? undefined : readHealthCheck(first, refuse, 'health_checks[0]');
}

function readHealthCheck(message: Message, refuse: Refuse, field: string): HealthCheckConfig {
  const { http_health_check, tcp_health_check, grpc_health_check, tls_options, ...settings } = message;
  const { transport_socket_match_criteria, reuse_connection = true, ...afterConnection } = settings;
  const { unhealthy_threshold, healthy_threshold, interval_jitter_percent = 0, ...times } = afterConnection;
  refuseRest(refuse, field, unknownFields(times));
  const { alpn_protocols: alpn = [], ...tlsRest } = tls_options ?? {};
  refuseRest(refuse, fieldIn(field, 'tls_options'), tlsRest);
  const needed = { timeout: times.timeout, interval: times.interval, unhealthy_threshold, healthy_threshold };
  for (const [name, value] of Object.entries(needed))
    if (value === undefined) refuse(fieldIn(field, name), 'is missing');
  return {
    ...readTimes(times, refuse, field),
    intervalJitterPercent: interval_jitter_percent,
    unhealthyThreshold: unhealthy_threshold ?? 1,
    healthyThreshold: healthy_threshold ?? 1,
    reuseConnection: reuse_connection,
    alpn,
    socketCriteria: transport_socket_match_criteria,
    probe: readProbe({ http_health_check, tcp_health_check, grpc_health_check }, refuse, field),
  };
}

const TIMES = [
  'timeout',
  'interval',
  'initial_jitter',
  'interval_jitter',
  'no_traffic_interval',
  'no_traffic_healthy_interval',
  'unhealthy_interval',
  'unhealthy_edge_interval',
  'healthy_edge_interval',
] as const;
type Times = Pick<Message, (typeof TIMES)[number]>;

function unknownFields(times: object): object {
  // They choose what goes into an event log; a log itself is refused.
  const known: ReadonlySet<string> = new Set([
    ...TIMES,
    'always_log_health_check_failures',
    'always_log_health_check_success',
  ]);
  return Object.fromEntries(Object.entries(times).filter(([name]) => !known.has(name)));
}

function readTimes(message: Times, refuse: Refuse, field: string) {
  const read = (name: keyof Times, absentMs: number): number =>
    readDurationMs(message[name], absentMs, refuse, fieldIn(field, name));
  const intervalMs = read('interval', 1000);
  const noTrafficIntervalMs = read('no_traffic_interval', 60_000);
  const unhealthyIntervalMs = read('unhealthy_interval', intervalMs);
  return {
    timeoutMs: read('timeout', 1000),
    intervalMs,
    initialJitterMs: read('initial_jitter', 0),
    intervalJitterMs: read('interval_jitter', 0),
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: read('no_traffic_healthy_interval', noTrafficIntervalMs),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: read('unhealthy_edge_interval', unhealthyIntervalMs),
    healthyEdgeIntervalMs: read('healthy_edge_interval', intervalMs),
  };
}

function readProbe(
  probes: {
    readonly [K in 'http_health_check' | 'tcp_health_check' | 'grpc_health_check']: Message[K] | undefined;
  },
  refuse: Refuse,
  field: string,
): ProbeConfig {
  const { http_health_check: http, tcp_health_check: tcp, grpc_health_check: grpc } = probes;
  if (http !== undefined) return readHttp(http, refuse, fieldIn(field, 'http_health_check'));
  if (grpc !== undefined) return readGrpc(grpc, refuse, fieldIn(field, 'grpc_health_check'));
  if (tcp === undefined) refuse(field, 'says nothing to check');
  return readTcp(tcp ?? {}, refuse, fieldIn(field, 'tcp_health_check'));
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'] as const;
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'TRACE']);

function readHttp(
  message: NonNullable<Message['http_health_check']>,
  refuse: Refuse,
  field: string,
): HttpProbeConfig {
  const {
    host = '',
    path = '',
    send,
    receive = [],
    response_buffer_size = 1024,
    method: named,
    ...more
  } = message;
  const {
    request_headers_to_add = [],
    request_headers_to_remove = [],
    service_name_matcher,
    ...afterHeaders
  } = more;
  const { expected_statuses = [], retriable_statuses = [], codec_client_type, ...rest } = afterHeaders;
  refuseRest(refuse, field, rest);
  if (path === '') refuse(fieldIn(field, 'path'), 'is missing');
  const asked = named === 'METHOD_UNSPECIFIED' ? undefined : named;
  const method = readChoice(asked, 'GET', METHODS, refuse, fieldIn(field, 'method'));
  if (send !== undefined && WITHOUT_BODY.has(method)) refuse(fieldIn(field, 'send'), `${method} has no body`);
  const codec = readChoice(
    codec_client_type,
    'HTTP1',
    ['HTTP1', 'HTTP2'] as const,
    refuse,
    fieldIn(field, 'codec_client_type'),
  );
  const ranges = (list: typeof expected_statuses, name: string): StatusRange[] =>
    list.map((range, i) => readRange(range, refuse, fieldIn(field, `${name}[${i}]`)));
  const expected = ranges(expected_statuses, 'expected_statuses');
  return {
    kind: 'http',
    http2: codec === 'HTTP2',
    method,
    path,
    host,
    headers: request_headers_to_add.map((option, i) =>
      readHeader(option, refuse, fieldIn(field, `request_headers_to_add[${i}]`)),
    ),
    removedHeaders: new Set(request_headers_to_remove.map((name) => name.toLowerCase())),
    body: readPayload(send ?? {}, refuse, fieldIn(field, 'send')),
    receive: receive.map((one, i) => readPayload(one, refuse, fieldIn(field, `receive[${i}]`))),
    responseBytes: response_buffer_size,
    expected: expected.length > 0 ? expected : [{ start: 200, end: 201 }],
    retriable: ranges(retriable_statuses, 'retriable_statuses'),
    serviceName:
      service_name_matcher === undefined
        ? undefined
        : compileStringMatcher(service_name_matcher, refuse, fieldIn(field, 'service_name_matcher')),
  };
}

function readRange(
  message: { readonly start?: string | number; readonly end?: string | number },
  refuse: Refuse,
  field: string,
): StatusRange {
  const range = { start: Number(message.start ?? 0), end: Number(message.end ?? 0) };
  if (range.start < 100 || range.end > 600 || range.start >= range.end)
    refuse(field, 'must be a range from 100 to 600, the end not included');
  return range;
}

const MODES = {
  APPEND_IF_EXISTS_OR_ADD: 'append',
  ADD_IF_ABSENT: 'keep',
  OVERWRITE_IF_EXISTS_OR_ADD: 'replace',
  OVERWRITE_IF_EXISTS: 'replace-existing',
} as const;

function readHeader(message: HeaderOption, refuse: Refuse, field: string): HeaderChange {
  const { header = {}, append_action, append, keep_empty_value: _keep, ...rest } = message;
  refuseRest(refuse, field, rest);
  const { key = '', value = '', ...headerRest } = header;
  refuseRest(refuse, fieldIn(field, 'header'), headerRest);
  // There is no client and no stream that a format operator could speak of.
  if (/%(?!%)/.test(value.replaceAll('%%', '')))
    refuse(fieldIn(field, 'header.value'), 'format operators are not supported here');
  const absent = append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : 'APPEND_IF_EXISTS_OR_ADD';
  const names = Object.keys(MODES) as (keyof typeof MODES)[];
  const action = readChoice(append_action, absent, names, refuse, fieldIn(field, 'append_action'));
  return { name: key, value: value.replaceAll('%%', '%'), mode: MODES[action] };
}

function readTcp(
  message: NonNullable<Message['tcp_health_check']>,
  refuse: Refuse,
  field: string,
): TcpProbeConfig {
  const { send, receive = [], ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    kind: 'tcp',
    send: readPayload(send ?? {}, refuse, fieldIn(field, 'send')),
    receive: receive.map((one, i) => readPayload(one, refuse, fieldIn(field, `receive[${i}]`))),
  };
}

function readGrpc(
  message: NonNullable<Message['grpc_health_check']>,
  refuse: Refuse,
  field: string,
): GrpcProbeConfig {
  const { service_name = '', authority = '', initial_metadata = [], ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    kind: 'grpc',
    serviceName: service_name,
    authority,
    metadata: initial_metadata.flatMap((option, i) => {
      const { name, value } = readHeader(option, refuse, fieldIn(field, `initial_metadata[${i}]`));
      return [name.toLowerCase(), value];
    }),
  };
}

/** `text` is hex, `binary` base64. */
function readPayload({ text, binary }: Payload, refuse: Refuse, field: string): Buffer {
  if (text === undefined) return Buffer.from(binary ?? '', 'base64');
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) refuse(fieldIn(field, 'text'), `'${text}' is no hex`);
  return Buffer.from(text, 'hex');
}
