import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { ApiUsers } from './api-users.ts';
import { isOwnHost } from './host-check.ts';
import { API_LIMITS, RequestLimit } from './request-limit.ts';
import type { Role } from './roles.ts';

// Who calls, before anything is answered: under which name, from which page, how often, and with what proof (record 16).

/** Who may do what without a proof. */
export type ApiAuth =
  /** Callers on this machine may look (role `view`); everybody else, and every change, needs a proof. */
  | 'loopback'
  /** Everybody needs a proof. */
  | 'required';

export interface GuardOptions {
  readonly auth: ApiAuth;
  readonly users: ApiUsers | undefined;
  readonly allowedHosts: readonly string[];
  /** Callers come through a Unix socket: its file says who may. */
  readonly unixSocket: boolean;
  /** Never goes backwards. */
  readonly nowMs: () => number;
}

/** A caller that may go on; `role` undefined: it may only have what is nobody's secret. */
export interface Caller {
  readonly name: string;
  readonly role: Role | undefined;
  /** By a token or a certificate. */
  readonly proven: boolean;
}

export interface Refusal {
  readonly status: 401 | 403 | 421 | 429;
  readonly error: string;
  readonly client: string;
}

/** Judges the callers of one API. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #requests: RequestLimit;
  readonly #refusals: RequestLimit;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#requests = new RequestLimit(API_LIMITS.maxRequests, options.nowMs);
    this.#refusals = new RequestLimit(API_LIMITS.maxRefusals, options.nowMs);
  }

  judge(request: IncomingMessage): Caller | Refusal {
    const client = clientOf(request);
    const refused = (status: Refusal['status'], error: string): Refusal => ({ status, error, client });
    if (!isOwnHost(request.headers.host, this.#options.allowedHosts))
      return refused(421, 'this server is not known under that name');
    if (!this.#requests.take(client)) return refused(429, 'too many requests; try again in some seconds');
    if (this.#isOfAnotherSite(request)) return refused(403, 'a page of another site may not call this');
    return this.#prove(request, client, refused);
  }

  #prove(
    request: IncomingMessage,
    client: string,
    refused: (status: Refusal['status'], error: string) => Refusal,
  ): Caller | Refusal {
    const { users, auth } = this.#options;
    const token = tokenOf(request.headers.authorization);
    if (token !== undefined) {
      // A wrong one costs as much as many right ones: they are not to be guessed.
      if (this.#refusals.isSpent(client))
        return refused(429, 'too many wrong tokens; try again in some seconds');
      const user = users?.byToken(token);
      if (user !== undefined) return { ...user, proven: true };
      this.#refusals.take(client);
      return refused(401, 'the token is not known');
    }
    const certificate = verifiedCertificate(request);
    if (certificate !== undefined) {
      const user = users?.byCertificate(certificate);
      if (user === undefined) return refused(403, 'the certificate is good, and its name has no role here');
      return { ...user, proven: true };
    }
    return {
      name: client,
      role: auth === 'loopback' && this.#isLocal(request) ? 'view' : undefined,
      proven: false,
    };
  }

  /** A browser says from where a page calls; whoever else calls says nothing. Opening our page is no call. */
  #isOfAnotherSite({ headers, method }: IncomingMessage): boolean {
    const { origin } = headers;
    const site = headers['sec-fetch-site'];
    if (origin !== undefined && !this.#isOwnOrigin(origin)) return true;
    const opens = headers['sec-fetch-mode'] === 'navigate' && method === 'GET';
    return (site === 'cross-site' || site === 'same-site') && !opens;
  }

  #isLocal({ socket }: IncomingMessage): boolean {
    return this.#options.unixSocket || /^(?:::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '');
  }

  #isOwnOrigin(origin: string): boolean {
    const url = URL.parse(origin);
    return url !== null && isOwnHost(url.host, this.#options.allowedHosts);
  }
}

/** `Bearer TOKEN`, or, as browsers ask people for it, a password of any name. Undefined: none was given. */
function tokenOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(header) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  return Buffer.from(value, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '');
}

function verifiedCertificate({ socket }: IncomingMessage): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return socket.getPeerX509Certificate()?.raw;
}

function clientOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'local socket';
}
