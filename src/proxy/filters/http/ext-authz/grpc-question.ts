import {
  equalsLowerCase,
  type Headers,
  indexOfHeader,
  removeHeader,
  setHeader,
} from '../../../../wire/headers.ts';
import type { Json } from '../../../../xds/resources.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { FilterStream, MutableRequest, Reply } from '../../../stream/http-filter.ts';
import { joined } from '../../../stream/request-state.ts';
import { addressOf } from '../authorization-check.ts';
import { statusNumber } from '../status-code.ts';
import type { ExtAuthzConfig } from './config.ts';
import { type HeaderChange, METADATA, mayBeRemoved, PARTIAL_HEADER, type Told } from './question.ts';

// The same question and answer as messages of service.auth.v3.

interface HeaderOption {
  readonly header?: { readonly key?: string; readonly value?: string; readonly raw_value?: string };
  readonly append?: boolean;
}

export interface CheckResponse {
  readonly status?: { readonly code?: number };
  readonly denied_response?: {
    readonly status?: { readonly code?: string | number };
    readonly headers?: readonly HeaderOption[];
    readonly body?: string;
  };
  readonly ok_response?: {
    readonly headers?: readonly HeaderOption[];
    readonly headers_to_remove?: readonly string[];
    readonly response_headers_to_add?: readonly HeaderOption[];
    readonly query_parameters_to_set?: readonly { readonly key?: string; readonly value?: string }[];
    readonly query_parameters_to_remove?: readonly string[];
    readonly dynamic_metadata?: { readonly [key: string]: Json };
  };
  readonly dynamic_metadata?: { readonly [key: string]: Json };
}

/** CheckRequest: who asks whom for what. */
export function checkRequestOf(
  stream: FilterStream,
  config: ExtAuthzConfig,
  contextExtensions: { readonly [key: string]: string },
  body: Told | undefined,
): object {
  const { downstream } = stream.connection;
  const { tls } = downstream;
  const principal = stream.peer.principals[0] ?? '';
  const metadata = metadataOf(stream, config.tells.metadata);
  const service = stream.request.header('x-envoy-downstream-service-cluster');
  return {
    attributes: {
      source: {
        address: addressOf({ ...downstream.remote, address: stream.peer.remoteAddress }),
        ...(service !== undefined && { service }),
        ...(principal !== '' && { principal }),
        ...(config.tells.certificate &&
          tls?.peer !== undefined && { certificate: encodeURIComponent(tls.peer.pem) }),
      },
      destination: {
        address: addressOf(downstream.local),
        ...(tls?.localUri && { principal: tls.localUri }),
      },
      request: {
        time: new Date(stream.facts.startTimeMs).toISOString(),
        http: httpOf(stream, config, body),
      },
      context_extensions: contextExtensions,
      metadata_context: { filter_metadata: metadata },
      route_metadata_context: {},
      ...(config.tells.tlsSession && tls !== undefined && { tls_session: { sni: tls.sni } }),
    },
  };
}

function metadataOf({ peer }: FilterStream, names: readonly string[]): object {
  const found: Record<string, unknown> = {};
  for (const name of names) {
    const fields = peer.metadata(name);
    if (fields !== undefined) found[name] = fields;
  }
  return found;
}

function httpOf(stream: FilterStream, config: ExtAuthzConfig, body: Told | undefined): object {
  const { request, facts } = stream;
  const { rawHeaders } = config.tells;
  const told = toldHeaders(request, config);
  if (body !== undefined) told.push([PARTIAL_HEADER, String(body.partial)]);
  return {
    id: String(facts.connectionId),
    method: request.method,
    path: request.path,
    host: request.authority,
    scheme: request.scheme,
    protocol: facts.protocol ?? '',
    ...(facts.bytesReceived > 0 && { size: facts.bytesReceived }),
    ...(rawHeaders
      ? { header_map: { headers: told.map(([key, value]) => ({ key, raw_value: btoa(value) })) } }
      : { headers: Object.fromEntries(told) }),
    ...(body !== undefined && bodyOf(body.bytes, config.body?.raw === true)),
  };
}

function bodyOf(bytes: Buffer, raw: boolean): object {
  return raw ? { raw_body: bytes.toString('base64') } : { body: bytes.toString('utf8') };
}

/** With pseudo-headers; values of one name are joined, unless they are told one by one. */
function toldHeaders(
  request: MutableRequest,
  { allowed, disallowed, tells }: ExtAuthzConfig,
): [string, string][] {
  const may = (name: string): boolean => (allowed?.(name) ?? true) && disallowed?.(name) !== true;
  const pseudo: [string, string][] = [
    [':authority', request.authority],
    [':path', request.path],
    [':method', request.method],
    [':scheme', request.scheme],
  ];
  const told = pseudo.filter(([name]) => may(name));
  const seen = new Set<string>(['host']);
  const { headers } = request;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (name === 'host' || (!tells.rawHeaders && seen.has(name)) || !may(name)) continue;
    seen.add(name);
    told.push([name, tells.rawHeaders ? (headers[i + 1] as string) : (joined(headers, name) as string)]);
  }
  return told;
}

/** Yes: what the answer says of the request is done. Headers for the client are kept in `toClient`. */
export function applyOk(stream: FilterStream, answer: CheckResponse, toClient: HeaderChange[]): void {
  const { request } = stream;
  const ok = answer.ok_response ?? {};
  for (const name of ok.headers_to_remove ?? [])
    if (mayBeRemoved(name)) removeHeader(request.headers, name.toLowerCase());
  for (const change of changesOf(ok.headers)) changeRequest(request, change);
  for (const { key = '', value = '' } of ok.query_parameters_to_set ?? [])
    request.path = withQuery(request.path, key, value);
  for (const name of ok.query_parameters_to_remove ?? [])
    request.path = withQuery(request.path, name, undefined);
  toClient.push(...changesOf(ok.response_headers_to_add));
  tellMetadata(stream, answer);
}

/** As in Envoy `append` alone says how: append_action is not looked at here. */
function changesOf(options: readonly HeaderOption[] | undefined): HeaderChange[] {
  return (options ?? []).map(({ header = {}, append = false }) => ({
    name: (header.key ?? '').toLowerCase(),
    value: header.raw_value === undefined ? (header.value ?? '') : atob(header.raw_value),
    append,
  }));
}

function changeRequest(request: MutableRequest, { name, value, append }: HeaderChange): void {
  if (name === ':path') request.path = value;
  else if (name === ':method') request.method = value;
  else if (name === ':authority' || name === 'host') request.authority = value;
  else if (name === ':scheme') request.scheme = value;
  else if (append) appendValue(request.headers, name, value);
  else setHeader(request.headers, name, value);
}

/** Behind the value that is there, as Envoy does; nothing where there is none. */
function appendValue(headers: Headers, name: string, value: string): void {
  const i = indexOfHeader(headers, name, 0);
  if (i >= 0) headers[i + 1] = `${headers[i + 1]},${value}`;
}

/** Sets a header, or adds another of its name. */
export function changeHeaders(headers: Headers, { name, value, append }: HeaderChange): void {
  if (append) headers.push(name, value);
  else setHeader(headers, name, value);
}

function withQuery(path: string, name: string, value: string | undefined): string {
  const [before = '', query] = splitOnce(path, '?');
  const kept = (query === undefined || query === '' ? [] : query.split('&')).filter(
    (pair) => pair.split('=', 1)[0] !== name,
  );
  if (value !== undefined) kept.push(`${name}=${value}`);
  return kept.length === 0 ? before : `${before}?${kept.join('&')}`;
}

function splitOnce(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** No: the answer is the client's. */
export function denialOfCheck(stream: FilterStream, answer: CheckResponse): Reply {
  const { status, headers, body = '' } = answer.denied_response ?? {};
  tellMetadata(stream, answer);
  const own: Headers = [];
  // Envoy leaves out what is to be appended: there is nothing yet to append it to.
  for (const change of changesOf(headers))
    if (!change.append && !equalsLowerCase(change.name, 'content-length'))
      own.push(change.name, change.value);
  return {
    status: statusNumber(status?.code ?? 403) || 403,
    body: Buffer.from(body).toString('latin1'),
    headers: own,
    details: 'ext_authz_denied',
    flags: FLAG.unauthorizedExternalService,
  };
}

function tellMetadata(stream: FilterStream, answer: CheckResponse): void {
  const said = answer.dynamic_metadata ?? answer.ok_response?.dynamic_metadata;
  if (said !== undefined && Object.keys(said).length > 0) stream.setMetadata(METADATA, said);
}
