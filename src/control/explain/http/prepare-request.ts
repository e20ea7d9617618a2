import { parseIpAddress } from '../../../lib/ip-address.ts';
import type { PeerFacts } from '../../../xds/match/facts.ts';
import type { HttpConnectionManager } from '../../../xds/resources.ts';
import type { Held, Inside } from '../held.ts';
import { type Headers, headerOf, type Request, withHeader, withoutHeader } from './request.ts';

const XFCC = 'x-forwarded-client-cert';

/** What a connection manager writes into a request before anybody looks at it. */
export function prepareRequest(
  request: Request,
  config: HttpConnectionManager,
  held: Held,
  inside: Pick<Inside, 'connection' | 'opened'>,
): Request {
  const isTls = inside.opened !== undefined;
  const own = isTls ? 'https' : 'http';
  const atEdge = config.use_remote_address === true;
  let headers = request.headers;
  const said = headerOf(headers, 'x-forwarded-proto');
  if (said === undefined || atEdge) headers = withHeader(headers, 'x-forwarded-proto', own);
  if (atEdge) headers = withHeader(headers, 'x-forwarded-for', forwardedFor(headers, inside));
  if (config.append_x_forwarded_port === true && headerOf(headers, 'x-forwarded-port') === undefined)
    headers = withHeader(headers, 'x-forwarded-port', String(inside.connection.destination.port));
  if (config.generate_request_id !== false && headerOf(headers, 'x-request-id') === undefined)
    headers = withHeader(headers, 'x-request-id', REQUEST_ID);
  headers = clientCertificate(headers, config, held, inside);
  const scheme = said === undefined || atEdge ? own : said === 'https' ? 'https' : 'http';
  return { ...request, headers, scheme };
}

/** The headers without names that two readers could read differently; undefined where those are refused. */
export function withoutUnderscores(
  headers: Headers,
  { common_http_protocol_options: options }: HttpConnectionManager,
): Headers | undefined {
  const action = options?.headers_with_underscores_action ?? 'ALLOW';
  const names = action === 'ALLOW' ? [] : headers.map(([name]) => name).filter((name) => name.includes('_'));
  if (names.length === 0) return headers;
  return action === 'REJECT_REQUEST' ? undefined : names.reduce(withoutHeader, headers);
}

/**
 * Who is taken for the client: of X-Forwarded-For the last address that a trusted hop wrote, else whoever is connected.
 * A proxy at the edge trusts none of it unless it is told how many proxies stand before it.
 */
export function clientAddress(
  { request, peer }: { readonly request: Request; readonly peer: PeerFacts },
  { use_remote_address = false, xff_num_trusted_hops = 0 }: HttpConnectionManager,
): string {
  const fromLast = use_remote_address ? xff_num_trusted_hops - 1 : xff_num_trusted_hops;
  if (fromLast < 0) return peer.remoteAddress;
  const said = headerOf(request.headers, 'x-forwarded-for')?.split(',') ?? [];
  const address = said.at(-1 - fromLast)?.trim() ?? '';
  return parseIpAddress(address) === undefined ? peer.remoteAddress : address;
}

/** Every request has another one; this one stands for all. */
const REQUEST_ID = '00000000-0000-4000-8000-000000000000';

function forwardedFor(headers: Headers, { connection }: Pick<Inside, 'connection'>): string {
  const before = headerOf(headers, 'x-forwarded-for');
  return before === undefined ? connection.source.address : `${before},${connection.source.address}`;
}

/** X-Forwarded-Client-Cert, without the hash of a certificate that nobody has seen. */
function clientCertificate(
  headers: Headers,
  { forward_client_cert_details: mode = 'SANITIZE' }: HttpConnectionManager,
  { proxy }: Held,
  { opened }: Pick<Inside, 'opened'>,
): Headers {
  if (mode === 'ALWAYS_FORWARD_ONLY') return headers;
  const shown = opened?.shows ?? '';
  if (mode === 'SANITIZE' || shown === '') return withoutHeader(headers, XFCC);
  if (mode === 'FORWARD_ONLY') return headers;
  const own = `By=${proxy.identity};URI=${shown}`;
  const before = mode === 'APPEND_FORWARD' ? headerOf(headers, XFCC) : undefined;
  return withHeader(headers, XFCC, before === undefined ? own : `${before},${own}`);
}
