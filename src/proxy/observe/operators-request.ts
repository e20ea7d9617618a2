import { getHeader, getJoinedHeader, type Headers } from '../../wire/headers.ts';
import type { Command, MakeCommand, Operator } from './operator.ts';
import type { StreamFacts } from './stream-facts.ts';

// What the request and its response say of themselves.

/** The operator of a header, and, after a question mark, of another for where the first is absent. */
function either(argument: string, one: (name: string) => Operator): Command | string {
  const [first = '', second] = argument.toLowerCase().split('?');
  if (first === '') return 'the name of a header is missing';
  const main = one(first);
  if (second === undefined) return { text: main };
  const other = one(second);
  return { text: (f) => main(f) ?? other(f) };
}

/** The first value, as Envoy prints it; pseudo-headers are what routing made of them. */
export function requestHeader(name: string): Operator {
  switch (name) {
    case ':method':
      return (f) => f.request?.method;
    case ':path':
      return (f) => f.request?.path;
    case ':authority':
    case 'host':
      return (f) => f.request?.authority || undefined;
    case ':scheme':
      return (f) => f.request?.scheme;
    default:
      return (f) => getHeader(f.requestHeaders, name);
  }
}

function responseHeader(name: string): Operator {
  if (name === ':status') return (f) => (f.responseCode === 0 ? undefined : String(f.responseCode));
  return (f) => getJoinedHeader(f.responseHeaders, name);
}

function withoutQuery(operator: Operator): Operator {
  return (facts) => {
    const value = operator(facts);
    return typeof value === 'string' ? value.split('?', 1)[0] : value;
  };
}

const trailer: MakeCommand = (argument) =>
  either(argument, (name) => (f) => getJoinedHeader(f.responseTrailers, name));

/** The path before a rewrite, or as it was sent on. */
const PATHS: Readonly<Record<string, (facts: StreamFacts) => string | undefined>> = {
  ORIG: (f) => getHeader(f.requestHeaders, 'x-envoy-original-path'),
  PATH: (f) => f.request?.path,
  ORIG_OR_PATH: (f) => getHeader(f.requestHeaders, 'x-envoy-original-path') ?? f.request?.path,
};

function path(argument: string): Command | string {
  const [query = '', source = ''] = argument.split(':');
  const read = PATHS[source || 'ORIG_OR_PATH'];
  if (read === undefined || !['', 'WQ', 'NQ'].includes(query))
    return `'${argument}' is not WQ or NQ and one of ORIG, PATH, ORIG_OR_PATH`;
  return { text: query === 'NQ' ? withoutQuery(read) : read };
}

function queryOf(facts: StreamFacts): string | undefined {
  const whole = PATHS['ORIG_OR_PATH']?.(facts);
  const mark = whole?.indexOf('?') ?? -1;
  return mark < 0 ? undefined : whole?.slice(mark + 1);
}

/** SNI, host, or one where the other is absent. */
function serverName(argument: string): Command | string {
  const [which = 'SNI_ONLY', source = ''] = argument.split(':');
  const sni: Operator = (f) => f.peer.requestedServerName || undefined;
  const host: Operator =
    source === 'ORIG'
      ? (f) => getHeader(f.requestHeaders, 'x-envoy-original-host')
      : (f) => f.request?.authority || undefined;
  if (which === '' || which === 'SNI_ONLY') return { text: sni };
  if (which === 'SNI_FIRST') return { text: (f) => sni(f) ?? host(f) };
  if (which === 'HOST_FIRST') return { text: (f) => host(f) ?? sni(f) };
  return `'${which}' is none of SNI_ONLY, SNI_FIRST, HOST_FIRST`;
}

export const REQUEST_COMMANDS: Readonly<Record<string, MakeCommand>> = {
  REQ: (argument) => either(argument, requestHeader),
  REQUEST_HEADER: (argument) => either(argument, requestHeader),
  RESP: (argument) => either(argument, responseHeader),
  RESPONSE_HEADER: (argument) => either(argument, responseHeader),
  TRAILER: trailer,
  RESPONSE_TRAILER: trailer,
  PATH: path,
  QUERY_PARAM: (name) => ({
    text: (f) => new URLSearchParams(queryOf(f) ?? '').get(name) ?? undefined,
  }),
  QUERY_PARAMS: () => ({ text: queryOf }),
  REQUESTED_SERVER_NAME: serverName,
};

/** With the formatter extension `req_without_query`. */
export const WITHOUT_QUERY_COMMANDS: Readonly<Record<string, MakeCommand>> = {
  REQ_WITHOUT_QUERY: (argument) => either(argument, (name) => withoutQuery(requestHeader(name))),
};

/** Names, values and what HTTP/2 would call pseudo-headers: what Envoy counts as a header map's bytes. */
export function requestHeaderBytes({ request, requestHeaders }: StreamFacts): number {
  if (request === undefined) return 0;
  const { method, path: target, authority, scheme } = request;
  const pseudo = 29 + method.length + target.length + authority.length + scheme.length;
  const i = requestHeaders.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  const host = i < 0 ? 0 : 4 + (requestHeaders[i + 1] as string).length;
  return pseudo + headerBytes(requestHeaders) - host;
}

export function responseHeaderBytes({ responseCode, responseHeaders }: StreamFacts): number {
  return responseCode === 0 ? 0 : 10 + headerBytes(responseHeaders);
}

export function headerBytes(headers: Headers): number {
  let bytes = 0;
  for (const text of headers) bytes += text.length;
  return bytes;
}
