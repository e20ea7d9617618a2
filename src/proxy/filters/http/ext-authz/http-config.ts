import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { compileStringMatcher, type StringTest } from '../../../../xds/match/string-matcher.ts';
import type { StringMatcher } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';

/** Names of headers that are meant; undefined where nothing is said of them. */
export type NameTest = StringTest | undefined;

/** extensions.filters.http.ext_authz.v3.HttpService: what is sent on to it, and what of its answer is used. */
export interface HttpServiceConfig {
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly pathPrefix: string;
  /** The older place of allowed_headers. */
  readonly allowed: NameTest;
  /** [name, value] pairs that every question carries. */
  readonly added: readonly (readonly [string, string])[];
  readonly response: {
    readonly toUpstream: NameTest;
    readonly appendedToUpstream: NameTest;
    readonly toClient: NameTest;
    readonly toClientOnSuccess: NameTest;
    readonly toMetadata: NameTest;
  };
}

/** type.matcher.v3.ListStringMatcher */
export interface Names {
  readonly patterns?: readonly StringMatcher[];
}

export interface HttpService {
  readonly server_uri?: { readonly uri?: string; readonly cluster?: string; readonly timeout?: string };
  readonly path_prefix?: string;
  readonly authorization_request?: RequestMessage;
  readonly authorization_response?: ResponseMessage;
}

interface RequestMessage {
  readonly allowed_headers?: Names;
  readonly headers_to_add?: readonly { readonly key?: string; readonly value?: string }[];
}

interface ResponseMessage {
  readonly allowed_upstream_headers?: Names;
  readonly allowed_upstream_headers_to_append?: Names;
  readonly allowed_client_headers?: Names;
  readonly allowed_client_headers_on_success?: Names;
  readonly dynamic_metadata_from_headers?: Names;
}

/** Envoy's default. */
export const TIMEOUT_MS = 200;

export type ReadNames = (names: Names | undefined, field: string) => NameTest;

/** Header names are compared in lower case. */
export const readNames =
  (refuse: Refuse): ReadNames =>
  (names, field) => {
    if (names === undefined) return undefined;
    const tests = (names.patterns ?? []).map((pattern, i) =>
      compileStringMatcher(pattern, refuse, fieldIn(field, `patterns[${i}]`)),
    );
    return (name) => tests.some((test) => test(name));
  };

export function readHttpService(
  service: HttpService,
  names: ReadNames,
  refuse: Refuse,
  field: string,
): HttpServiceConfig {
  const {
    server_uri = {},
    path_prefix = '',
    authorization_request,
    authorization_response,
    ...rest
  } = service;
  refuseRest(refuse, field, rest);
  if (!server_uri.cluster) refuse(fieldIn(field, 'server_uri.cluster'), 'is missing');
  if (path_prefix !== '' && !path_prefix.startsWith('/'))
    refuse(fieldIn(field, 'path_prefix'), 'does not begin with a slash');
  return {
    cluster: server_uri.cluster ?? '',
    timeoutMs: readDurationMs(server_uri.timeout, TIMEOUT_MS, refuse, fieldIn(field, 'server_uri.timeout')),
    pathPrefix: path_prefix,
    ...readRequest(authorization_request ?? {}, names, refuse, fieldIn(field, 'authorization_request')),
    response: readResponse(
      authorization_response ?? {},
      names,
      refuse,
      fieldIn(field, 'authorization_response'),
    ),
  };
}

function readRequest(
  message: RequestMessage,
  names: ReadNames,
  refuse: Refuse,
  field: string,
): Pick<HttpServiceConfig, 'allowed' | 'added'> {
  const { allowed_headers, headers_to_add = [], ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    allowed: names(allowed_headers, fieldIn(field, 'allowed_headers')),
    added: headers_to_add.map(({ key = '', value = '' }) => [key, value] as const),
  };
}

function readResponse(
  message: ResponseMessage,
  names: ReadNames,
  refuse: Refuse,
  field: string,
): HttpServiceConfig['response'] {
  const { allowed_upstream_headers, allowed_upstream_headers_to_append, ...more } = message;
  const { allowed_client_headers, allowed_client_headers_on_success, ...others } = more;
  const { dynamic_metadata_from_headers, ...rest } = others;
  refuseRest(refuse, field, rest);
  const read = (list: Names | undefined, name: string): NameTest => names(list, fieldIn(field, name));
  return {
    toUpstream: read(allowed_upstream_headers, 'allowed_upstream_headers'),
    appendedToUpstream: read(allowed_upstream_headers_to_append, 'allowed_upstream_headers_to_append'),
    toClient: read(allowed_client_headers, 'allowed_client_headers'),
    toClientOnSuccess: read(allowed_client_headers_on_success, 'allowed_client_headers_on_success'),
    toMetadata: read(dynamic_metadata_from_headers, 'dynamic_metadata_from_headers'),
  };
}
