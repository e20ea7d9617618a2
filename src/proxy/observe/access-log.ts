import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { type AnyMessage, type HttpConnectionManager, type Json, messageOf } from '../../xds/resources.ts';
import { readAccessLogFilter } from './access-log-filter.ts';
import { compileJson, compileText, type Format } from './format.ts';
import type { LogSinks } from './log-sinks.ts';
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
  sinks: LogSinks,
  refuse: Refuse,
  field: string,
): readonly AccessLog[] {
  return (messages ?? []).flatMap(
    (message, i) => readAccessLog(message, sinks, refuse, `${field}[${i}]`) ?? [],
  );
}

function readAccessLog(
  message: Message,
  sinks: LogSinks,
  refuse: Refuse,
  field: string,
): AccessLog | undefined {
  const { name: _name, filter, typed_config, ...rest } = message;
  refuseRest(refuse, field, rest);
  const target = readTarget(typed_config, refuse, fieldIn(field, 'typed_config'));
  if (target === undefined) return undefined;
  const format = target.format;
  const takes =
    filter === undefined ? undefined : readAccessLogFilter(filter, refuse, fieldIn(field, 'filter'));
  // Opened by the first entry: a configuration that is refused in the end opens no file.
  let sink: ReturnType<LogSinks['open']> | undefined;
  return {
    log(facts) {
      if (takes !== undefined && !takes(facts)) return;
      sink ??= sinks.open(target.path);
      sink.write(format(facts));
    },
  };
}

function readTarget(
  config: AnyMessage | undefined,
  refuse: Refuse,
  field: string,
): { readonly path: string; readonly format: Format } | undefined {
  const kind = messageOf(config?.['@type'] ?? '');
  const stream = STREAMS[kind];
  if (config === undefined || (kind !== FILE && stream === undefined)) {
    refuse(field, `'${config?.['@type'] ?? ''}' is not supported by this proxy`);
    return undefined;
  }
  const { '@type': _type, path, format, json_format, typed_json_format, log_format, ...rest } = config;
  refuseRest(refuse, field, rest);
  if (stream === undefined && typeof path !== 'string') refuse(fieldIn(field, 'path'), 'is missing');
  const formats = {
    text_format: format as string | undefined,
    json_format: (json_format ?? typed_json_format) as { readonly [key: string]: Json } | undefined,
    ...(log_format as object | undefined),
  };
  return { path: stream ?? String(path), format: readFormat(formats, refuse, fieldIn(field, 'log_format')) };
}

/** config.core.v3.SubstitutionFormatString. */
function readFormat(
  message: {
    readonly text_format?: string | undefined;
    readonly text_format_source?: { readonly inline_string?: string };
    readonly json_format?: { readonly [key: string]: Json } | undefined;
    readonly omit_empty_values?: boolean;
  },
  refuse: Refuse,
  field: string,
): Format {
  const { text_format, text_format_source, json_format, omit_empty_values = false, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (json_format !== undefined)
    return compileJson(json_format, refuse, fieldIn(field, 'json_format'), omit_empty_values);
  const { inline_string, ...source } = text_format_source ?? {};
  refuseRest(refuse, fieldIn(field, 'text_format_source'), source);
  const text = inline_string ?? text_format ?? DEFAULT_FORMAT;
  return compileText(text, refuse, field, omit_empty_values ? '' : '-').format;
}
