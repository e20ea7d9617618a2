import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { type AnyMessage, type HttpConnectionManager, type Json, messageOf } from '../../xds/resources.ts';
import type { Runtime } from '../runtime.ts';
import { readAccessLogFilter } from './access-log-filter.ts';
import { HTTP_GRPC, readGrpcLog, TCP_GRPC } from './als/lower-als.ts';
import { compileText, type Format } from './format.ts';
import { compileJson } from './format-json.ts';
import type { Extensions } from './format-pieces.ts';
import type { LogSink, LogSinks } from './log-sinks.ts';
import { FORMATTERS } from './operators.ts';
import { OPEN_TELEMETRY_LOG, readOtlpLog } from './otlp-log/lower-otlp-log.ts';
import { readStatsLog, STATS_LOG } from './stats-log.ts';
import type { StreamFacts } from './stream-facts.ts';

/** Writes one entry per stream, if its filter takes it. */
export interface AccessLog {
  log(facts: StreamFacts): void;
}

type Message = NonNullable<HttpConnectionManager['access_log']>[number];

/** What Envoy prints where no format is given. */
const DEFAULT_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

const FILE = 'envoy.extensions.access_loggers.file.v3.FileAccessLog';
const STREAMS: Readonly<Record<string, string>> = {
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': '/dev/stdout',
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': '/dev/stderr',
};

/** The access logs of a connection manager or TCP proxy. */
export function readAccessLogs(
  messages: readonly Message[] | undefined,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): readonly AccessLog[] {
  return (messages ?? []).flatMap(
    (message, i) => readAccessLog(message, runtime, refuse, `${field}[${i}]`) ?? [],
  );
}

function readAccessLog(
  message: Message,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): AccessLog | undefined {
  const { name: _name, filter, typed_config, ...rest } = message;
  refuseRest(refuse, field, rest);
  const log = readLogger(typed_config, runtime, refuse, fieldIn(field, 'typed_config'));
  if (log === undefined || filter === undefined) return log;
  const takes = readAccessLogFilter(filter, refuse, fieldIn(field, 'filter'));
  return {
    log(facts) {
      if (takes(facts)) log.log(facts);
    },
  };
}

function readLogger(
  config: AnyMessage | undefined,
  runtime: Runtime,
  refuse: Refuse,
  field: string,
): AccessLog | undefined {
  const kind = messageOf(config?.['@type'] ?? '');
  if (config !== undefined && (kind === HTTP_GRPC || kind === TCP_GRPC))
    return readGrpcLog(config, kind === HTTP_GRPC ? 'http' : 'tcp', runtime, refuse, field);
  if (config !== undefined && kind === OPEN_TELEMETRY_LOG) {
    const formatters = (config['formatters'] ?? []) as NonNullable<FormatMessage['formatters']>;
    const extensions = readFormatters(formatters, refuse, fieldIn(field, 'formatters'));
    return readOtlpLog(config, extensions, runtime, refuse, field);
  }
  if (config !== undefined && kind === STATS_LOG)
    return readStatsLog(config, runtime.metrics.logged, refuse, field);
  const stream = STREAMS[kind];
  if (config === undefined || (kind !== FILE && stream === undefined)) {
    refuse(field, `'${config?.['@type'] ?? ''}' is not supported by this proxy`);
    return undefined;
  }
  const { '@type': _type, path, format, json_format, typed_json_format, log_format, ...rest } = config;
  refuseRest(refuse, field, rest);
  if (stream === undefined && typeof path !== 'string') refuse(fieldIn(field, 'path'), 'is missing');
  const formats: FormatMessage = {
    text_format: format as string | undefined,
    json_format: (json_format ?? typed_json_format) as FormatMessage['json_format'],
    ...(log_format as object | undefined),
  };
  const print = readFormat(formats, runtime.readFile, refuse, fieldIn(field, 'log_format'));
  return new WrittenLog(stream ?? String(path), print, runtime.logs);
}

/** Entries as lines of a file or of one of the process's streams. */
class WrittenLog implements AccessLog {
  readonly #path: string;
  readonly #format: Format;
  readonly #sinks: LogSinks;
  /** Opened by the first entry: a configuration that is refused in the end opens no file. */
  #sink: LogSink | undefined;

  constructor(path: string, format: Format, sinks: LogSinks) {
    this.#path = path;
    this.#format = format;
    this.#sinks = sinks;
  }

  log(facts: StreamFacts): void {
    this.#sink ??= this.#sinks.open(this.#path);
    this.#sink.write(this.#format(facts));
  }
}

/** config.core.v3.SubstitutionFormatString. */
interface FormatMessage {
  readonly text_format?: string | undefined;
  readonly text_format_source?: {
    readonly inline_string?: string;
    readonly filename?: string;
    readonly environment_variable?: string;
  };
  readonly json_format?: { readonly [key: string]: Json } | undefined;
  readonly omit_empty_values?: boolean;
  readonly json_format_options?: { readonly sort_properties?: boolean };
  readonly formatters?: readonly { readonly name?: string; readonly typed_config?: AnyMessage }[];
}

function readFormat(
  message: FormatMessage,
  readFile: Runtime['readFile'],
  refuse: Refuse,
  field: string,
): Format {
  const { text_format, text_format_source, json_format, omit_empty_values = false, ...more } = message;
  const { formatters = [], json_format_options: _sorted, ...rest } = more;
  refuseRest(refuse, field, rest);
  const extensions = readFormatters(formatters, refuse, fieldIn(field, 'formatters'));
  if (json_format !== undefined)
    return compileJson(json_format, refuse, fieldIn(field, 'json_format'), omit_empty_values, extensions);
  const source = readSource(text_format_source ?? {}, readFile, refuse, fieldIn(field, 'text_format_source'));
  const text = source ?? text_format ?? DEFAULT_FORMAT;
  return compileText(text, refuse, field, omit_empty_values ? '' : '-', extensions).format;
}

function readSource(
  {
    inline_string,
    filename,
    environment_variable,
    ...rest
  }: NonNullable<FormatMessage['text_format_source']>,
  readFile: Runtime['readFile'],
  refuse: Refuse,
  field: string,
): string | undefined {
  refuseRest(refuse, field, rest);
  if (environment_variable !== undefined) return process.env[environment_variable] ?? '';
  if (filename === undefined) return inline_string;
  try {
    return readFile(filename);
  } catch (error) {
    refuse(fieldIn(field, 'filename'), error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function readFormatters(
  messages: NonNullable<FormatMessage['formatters']>,
  refuse: Refuse,
  field: string,
): Extensions {
  const all = messages.map(({ typed_config }, i) => {
    const kind = messageOf(typed_config?.['@type'] ?? '');
    const known = FORMATTERS[kind];
    if (known === undefined)
      refuse(fieldIn(`${field}[${i}]`, 'typed_config'), `'${kind}' is not supported by this proxy`);
    return known;
  });
  return Object.assign({}, ...all);
}
