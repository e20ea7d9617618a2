import {
  equalsLowerCase,
  getHeader,
  type Headers,
  removeHeader,
  setHeader,
} from '../../../../wire/headers.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { FilterStream, Reply } from '../../../stream/http-filter.ts';
import type { Call, CallAnswer } from '../cluster-call.ts';
import type { ExtAuthzConfig } from './config.ts';
import type { HttpServiceConfig, NameTest } from './http-config.ts';

// What is asked, and what an answer does to the request.

/** Longest answer that is read: it may be the body of ours. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** One header that somebody wants set or added. */
export interface HeaderChange {
  readonly name: string;
  readonly value: string;
  readonly append: boolean;
}

/** Tells a service whether the body that it gets is all of it. */
export const PARTIAL_HEADER = 'x-envoy-auth-partial-body';

/** What is told of a body. */
export interface Told {
  readonly bytes: Buffer;
  /** There is more. */
  readonly partial: boolean;
}

export const METADATA = 'envoy.filters.http.ext_authz';

/** Fields that belong to the answer's own connection and body. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Of an answer that lets go on, these too say nothing about the request. */
const OF_SUCCESS: ReadonlySet<string> = new Set([
  ...OWN_FIELDS,
  'content-type',
  'date',
  'x-envoy-upstream-service-time',
]);
/** What goes to a client besides what was chosen. */
const ALWAYS_TO_CLIENT: ReadonlySet<string> = new Set(['location', 'www-authenticate']);
const REMOVE_HEADER = 'x-envoy-auth-headers-to-remove';

/** The request's head, with as much of its body as may be told, and no more of it than may be told. */
export function questionOf(
  { request }: FilterStream,
  { allowed: chosen, disallowed }: ExtAuthzConfig,
  service: HttpServiceConfig,
  body: Told | undefined,
): Call {
  const allowed = chosen ?? service.allowed;
  const headers: Headers = ['host', request.authority];
  for (const [name, value] of pairs(request.headers)) {
    const lower = name.toLowerCase();
    if (lower === 'host' || OWN_FIELDS.has(lower)) continue;
    if ((lower === 'authorization' || allowed?.(lower)) && !disallowed?.(lower)) headers.push(lower, value);
  }
  if (body !== undefined) headers.push(PARTIAL_HEADER, String(body.partial));
  headers.push('content-length', String(body?.bytes.length ?? 0));
  for (const [name, value] of service.added) setHeader(headers, name.toLowerCase(), value);
  return {
    method: request.method,
    target: `${service.pathPrefix}${request.path}`,
    headers,
    timeoutMs: service.timeoutMs,
    maxBytes: MAX_ANSWER_BYTES,
    ...(body !== undefined && body.bytes.length > 0 && { body: body.bytes }),
  };
}

/** Yes: what the answer says of the request is done. Headers for the client are kept in `toClient`. */
export function takeOver(
  stream: FilterStream,
  answer: CallAnswer,
  { response }: HttpServiceConfig,
  toClient: HeaderChange[],
): void {
  const { toUpstream, appendedToUpstream, toClientOnSuccess } = response;
  const { headers } = stream.request;
  const removed = getHeader(answer.headers, REMOVE_HEADER)?.split(',') ?? [];
  for (const name of removed) if (mayBeRemoved(name.trim())) removeHeader(headers, name.trim().toLowerCase());
  const said = [...pairs(answer.headers)].map(([name, value]) => [name.toLowerCase(), value] as const);
  for (const [name, value] of said) {
    if (OF_SUCCESS.has(name) || name === REMOVE_HEADER) continue;
    if (toUpstream?.(name) && name !== 'host') setHeader(headers, name, value);
    else if (appendedToUpstream?.(name) && name !== 'host') headers.push(name, value);
    if (toClientOnSuccess?.(name)) toClient.push({ name, value, append: true });
  }
  tellMetadata(stream, said, response.toMetadata);
}

/** No: the answer is the client's. */
export function denialOf(answer: CallAnswer, { response }: HttpServiceConfig): Reply {
  const { toClient } = response;
  const headers: Headers = [];
  for (const [name, value] of pairs(answer.headers)) {
    const lower = name.toLowerCase();
    if (OWN_FIELDS.has(lower)) continue;
    if (toClient === undefined || toClient(lower) || ALWAYS_TO_CLIENT.has(lower)) headers.push(lower, value);
  }
  return {
    status: answer.status,
    body: answer.body.toString('latin1'),
    headers,
    details: 'ext_authz_denied',
    flags: FLAG.unauthorizedExternalService,
  };
}

function tellMetadata(
  stream: FilterStream,
  said: readonly (readonly [string, string])[],
  toMetadata: NameTest,
): void {
  if (toMetadata === undefined) return;
  const chosen = said.filter(([name]) => toMetadata(name));
  if (chosen.length > 0) stream.setMetadata(METADATA, Object.fromEntries(chosen));
}

/** Without host and pseudo-headers there is no request. */
export function mayBeRemoved(name: string): boolean {
  return name !== '' && !name.startsWith(':') && !equalsLowerCase(name, 'host');
}

function* pairs(headers: Headers): Generator<readonly [string, string]> {
  for (let i = 0; i < headers.length; i += 2) yield [headers[i] as string, headers[i + 1] as string];
}
