import { getHeader, type Headers } from '../../wire/headers.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { HttpConnectionManager, Json } from '../../xds/resources.ts';
import { readDataSource } from '../data-source.ts';
import { readAccessLogFilter } from '../observe/access-log-filter.ts';
import { compileText, type Format } from '../observe/format.ts';
import { compileJson } from '../observe/format-json.ts';
import type { StreamFacts } from '../observe/stream-facts.ts';
import { applyOperations, type HeaderOperations, readHeaderOperations } from './header-operations.ts';
import type { MutableResponse, Reply } from './http-filter.ts';

// How a connection manager wants the proxy's own answers to look (local_reply_config): mappers choose by what is known
// of the stream, the first that takes it changes status, text and headers; a format makes the body.

type Message = NonNullable<HttpConnectionManager['local_reply_config']>;
type MapperMessage = NonNullable<Message['mappers']>[number];
type FormatMessage = NonNullable<Message['body_format']>;

export interface LocalReplies {
  readonly mappers: readonly Mapper[];
  readonly body: BodyFormat | undefined;
}

interface Mapper {
  readonly applies: (facts: StreamFacts) => boolean;
  readonly status: number | undefined;
  readonly text: string | undefined;
  readonly headers: readonly HeaderOperations[];
  readonly body: BodyFormat | undefined;
}

interface BodyFormat {
  readonly format: Format;
  readonly contentType: string;
}

/** A stream whose answer is being made. */
export interface AnsweredStream extends StreamFacts {
  response: MutableResponse;
  localReplyBody: string;
}

export function readLocalReplies(message: Message, refuse: Refuse, field: string): LocalReplies {
  const { mappers = [], body_format, ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    mappers: mappers.map((mapper, i) => readMapper(mapper, refuse, fieldIn(field, `mappers[${i}]`))),
    body: body_format && readFormat(body_format, refuse, fieldIn(field, 'body_format')),
  };
}

/** The answer as configured. Changes `headers`, which are that answer's, in place, and what the stream says of it. */
export function rewriteReply(
  { mappers, body }: LocalReplies,
  reply: Reply,
  headers: Headers,
  stream: AnsweredStream,
): Reply {
  stream.response = { status: reply.status, headers, body: 'none' };
  const typeBefore = getHeader(headers, 'content-type');
  const mapper = mappers.find(({ applies }) => applies(stream));
  const status = mapper?.status ?? reply.status;
  if (mapper !== undefined) {
    applyOperations(mapper.headers, headers, stream);
    stream.response.status = status;
  }
  const text = mapper?.text ?? reply.body;
  const made = { ...reply, status, body: text };
  const format = mapper?.body ?? body;
  if (format === undefined) return made;
  stream.localReplyBody = text;
  made.body = format.format(stream);
  stream.localReplyBody = '';
  // A type that the mapper sets is its own affair.
  if (getHeader(headers, 'content-type') !== typeBefore) return made;
  return { ...made, contentType: format.contentType };
}

function readMapper(message: MapperMessage, refuse: Refuse, field: string): Mapper {
  const { filter, status_code, body, body_format_override, headers_to_add, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (filter === undefined) refuse(fieldIn(field, 'filter'), 'is missing');
  return {
    applies: readAccessLogFilter(filter ?? {}, refuse, fieldIn(field, 'filter')),
    status: status_code,
    text: body && readDataSource(body, refuse, fieldIn(field, 'body')),
    headers: [readHeaderOperations(headers_to_add, undefined, 'response', refuse, field)],
    body:
      body_format_override &&
      readFormat(body_format_override, refuse, fieldIn(field, 'body_format_override')),
  };
}

/** config.core.v3.SubstitutionFormatString. */
function readFormat(message: FormatMessage, refuse: Refuse, field: string): BodyFormat {
  const { text_format, json_format, text_format_source, content_type, omit_empty_values, ...more } = message;
  const { json_format_options: _sorted, ...rest } = more;
  refuseRest(refuse, field, rest);
  if (json_format !== undefined) {
    const struct = inBytes(json_format as Json) as { readonly [key: string]: Json };
    const format = compileJson(struct, refuse, fieldIn(field, 'json_format'), omit_empty_values ?? false);
    return { format, contentType: content_type || 'application/json' };
  }
  const source = text_format === undefined ? (text_format_source ?? {}) : { inline_string: text_format };
  const text = readDataSource(source, refuse, fieldIn(field, 'text_format_source'));
  const { format } = compileText(text, refuse, fieldIn(field, 'text_format'), omit_empty_values ? '' : '-');
  return { format, contentType: content_type || 'text/plain' };
}

/** Texts as their bytes in UTF-8, one character each: so do the operators speak. */
function inBytes(value: Json): Json {
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('latin1');
  if (Array.isArray(value)) return value.map(inBytes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [inBytes(key), inBytes(one as Json)]));
}
