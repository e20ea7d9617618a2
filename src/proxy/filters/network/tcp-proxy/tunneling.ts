import type { Headers } from '../../../../wire/headers.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { TcpProxy as Message } from '../../../../xds/resources.ts';
import { compileText, type Format } from '../../../observe/format.ts';
import type { StreamFacts } from '../../../observe/stream-facts.ts';
import type { UpstreamRequest } from '../../../stream/codec.ts';
import { applyOperations, type HeaderOperations, readAddition } from '../../../stream/header-operations.ts';

/** How connections go inside of HTTP: TcpProxy.tunneling_config. Immutable. */
export interface Tunneling {
  /** The authority that is asked for. */
  readonly hostname: Format;
  /** The path of POST in place of CONNECT; undefined for CONNECT. */
  readonly postPath: string | undefined;
  readonly headers: readonly HeaderOperations[];
}

export function readTunneling(
  message: NonNullable<Message['tunneling_config']>,
  refuse: Refuse,
  field: string,
): Tunneling {
  const { hostname = '', use_post = false, post_path = '', headers_to_add = [], ...rest } = message;
  refuseRest(refuse, field, rest);
  if (hostname === '') refuse(fieldIn(field, 'hostname'), 'is missing');
  if (post_path !== '' && !post_path.startsWith('/')) refuse(fieldIn(field, 'post_path'), 'is no path');
  if (!use_post && post_path !== '') refuse(fieldIn(field, 'post_path'), 'is only for use_post');
  const add = headers_to_add.map((option, i) =>
    readAddition(option, refuse, fieldIn(field, `headers_to_add[${i}]`)),
  );
  return {
    hostname: compileText(hostname, refuse, fieldIn(field, 'hostname'), '').format,
    postPath: use_post ? post_path || '/' : undefined,
    headers: [{ remove: [], add }],
  };
}

/** The request that asks for the tunnel of a connection. */
export function tunnelRequest(tunneling: Tunneling, facts: StreamFacts, overTls: boolean): UpstreamRequest {
  const hostname = tunneling.hostname(facts);
  const headers: Headers = ['host', hostname];
  applyOperations(tunneling.headers, headers, facts);
  const scheme = overTls ? 'https' : 'http';
  if (tunneling.postPath === undefined)
    return { method: 'CONNECT', target: hostname, scheme, headers, body: 'none', upgrade: '' };
  return { method: 'POST', target: tunneling.postPath, scheme, headers, body: 'stream', upgrade: '' };
}
