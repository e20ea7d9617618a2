import type { Headers } from './http/request.ts';

/** Who calls: a workload, a client at a gateway's door, or a plain client in no mesh. */
export type Caller =
  | { readonly kind: 'workload' | 'gateway'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'outside' };

/** A URL taken apart. */
export interface Target {
  readonly scheme: 'http' | 'https' | 'grpc' | 'tcp';
  /** Without brackets where it is an IPv6 address. Lower case. */
  readonly host: string;
  readonly port: number;
  /** Host and port as they stand in the URL. */
  readonly authority: string;
  /** With query; `/` where the URL has none. */
  readonly path: string;
}

/** One call. */
export interface Call {
  readonly from: Caller;
  readonly target: Target;
  readonly method: string;
  /** As sent; a `host` among them is the authority. */
  readonly headers: Headers;
  /** Server name of the client's own TLS; '' for the target's host. With `tcp://` it says that the bytes are TLS. */
  readonly sni: string;
  /** Without TLS and past the caller's proxy: as a program calls that no mesh knows. */
  readonly plaintext: boolean;
  /**
   * Claims of the token that is sent along, in the place of `{jwt}` in the path or a header, or else in Authorization;
   * undefined for none.
   */
  readonly jwt?: Readonly<Record<string, unknown>>;
}

/** Stands for the token in a path or a header. */
const TOKEN_PLACE = '{jwt}';

/** Path and headers of a call with its token in them. */
export function withToken(
  path: string,
  headers: Headers,
  token: string,
): { readonly path: string; readonly headers: Headers } {
  const isPlaced = path.includes(TOKEN_PLACE) || headers.some(([, value]) => value.includes(TOKEN_PLACE));
  if (!isPlaced) {
    const others = headers.filter(([name]) => name.toLowerCase() !== 'authorization');
    return { path, headers: [...others, ['authorization', `Bearer ${token}`]] };
  }
  return {
    path: path.replaceAll(TOKEN_PLACE, token),
    headers: headers.map(([name, value]) => [name, value.replaceAll(TOKEN_PLACE, token)] as const),
  };
}

/** `NS/WORKLOAD`, `gateway:NS/NAME` or `outside`; undefined for anything else. */
export function parseCaller(text: string): Caller | undefined {
  if (text === 'outside') return { kind: 'outside' };
  const [, prefix, namespace, name] = /^(gateway:)?([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  return { kind: prefix === undefined ? 'workload' : 'gateway', namespace, name };
}

/** The caller as the command line writes it. */
export function callerText(caller: Caller): string {
  if (caller.kind === 'outside') return 'outside';
  return `${caller.kind === 'gateway' ? 'gateway:' : ''}${caller.namespace}/${caller.name}`;
}

const URL_PARTS =
  /^(https?|grpc|tcp):\/\/(\[[0-9a-fA-F:.]+\]|[^/:?#@\s[\]]+)(?::(\d{1,5}))?([/?][^#\s]*)?(?:#\S*)?$/i;
const PORTS = { http: 80, https: 443, grpc: 80, tcp: undefined } as const;

/** A URL with nothing in it resolved or unescaped, as clients send it; undefined where it is none. */
export function parseTarget(url: string): Target | undefined {
  const [, word = '', written = '', digits, rest = ''] = URL_PARTS.exec(url) ?? [];
  const scheme = word.toLowerCase() as Target['scheme'];
  const port = digits === undefined ? PORTS[scheme] : Number(digits);
  if (written === '' || port === undefined || port < 1 || port > 65535) return undefined;
  const host = written.replace(/^\[|\]$/g, '').toLowerCase();
  const authority = digits === undefined ? written : `${written}:${digits}`;
  return { scheme, host, port, authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}
