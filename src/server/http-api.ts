/**
 * The HTTP API and the static page of the dashboard.
 *
 * In: requests of browsers and of weft's own commands, questions answered by the control plane (`ApiAnswers`).
 * Out: JSON of the shapes in contract.ts, the files of the dashboard, and a line in the audit log for each change. Called
 * by control/main.ts. What never happens here: an answer before it is known who asks and what they may (guard.ts), a
 * secret in an answer, an answer to a page that another site made the browser load from a name of its own (DNS
 * rebinding: host-check.ts).
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { performance } from 'node:perf_hooks';
import type { ApiAnswers } from './answers.ts';
import type { ApiUsers } from './api-users.ts';
import { type AuditLog, noAudit } from './audit-log.ts';
import { allowed, auditedAs, changes, doChange } from './changes.ts';
import { type ApiAuth, Guard } from './guard.ts';
import { read } from './reads.ts';
import { API_LIMITS } from './request-limit.ts';
import { sendJson } from './respond.ts';
import { mayDo, type Role } from './roles.ts';

/** Where and what to serve. */
export interface ApiOptions {
  /** A TCP port (0 takes a free one) or a Unix socket. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  readonly answers: ApiAnswers;
  /** Folder with index.html. Undefined: no page, only the API. */
  readonly dashboardDir?: string;
  /** Names under which the page may be opened, beside `localhost` and addresses. */
  readonly allowedHosts?: readonly string[];
  /** `loopback` by default. */
  readonly auth?: ApiAuth;
  readonly users?: ApiUsers;
  /** PEM; absent: no TLS. With `clientCa` clients may prove themselves by certificates of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Changes are written down there, and refused attempts at any. */
  readonly audit?: AuditLog;
  readonly onError: (error: unknown) => void;
}

/** An open API. */
export interface RunningApi {
  /** 0 on a Unix socket. */
  readonly port: number;
  close(): Promise<void>;
}

/** Most connections at a time: a browser opens six, a command one. */
const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT_MS = 10_000;

/** Serves. Rejects where the address cannot be had. */
export async function serveApi(options: ApiOptions): Promise<RunningApi> {
  const guard = new Guard({
    auth: options.auth ?? 'loopback',
    users: options.users,
    allowedHosts: options.allowedHosts ?? [],
    unixSocket: 'socketPath' in options.listen,
    nowMs: () => performance.now(),
  });
  const limits = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    maxHeaderSize: API_LIMITS.maxHeadBytes,
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response, guard, options).catch((error) => {
      options.onError(error);
      sendJson(response, 500, { error: 'the control plane could not answer; its log says why' });
    });
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer(limits, onRequest)
      : createTlsServer({ ...limits, ...tlsOf(tls) }, onRequest);
  server.maxConnections = MAX_CONNECTIONS;
  // A control plane that was killed leaves its socket behind.
  if ('socketPath' in options.listen && isSocket(options.listen.socketPath))
    unlinkSync(options.listen.socketPath);
  await listen(server, options.listen);
  server.on('error', options.onError);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function tlsOf({ cert, key, clientCa }: NonNullable<ApiOptions['tls']>) {
  const clients =
    clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false };
  return { cert, key, minVersion: 'TLSv1.3', ...clients } as const;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  guard: Guard,
  options: ApiOptions,
): Promise<void> {
  const { audit = noAudit, answers } = options;
  const caller = guard.judge(request);
  const url = parseTarget(request.url);
  const { method = 'GET' } = request;
  const what = `${method} ${url?.pathname ?? '/'}`;
  if ('error' in caller) {
    const { status, error, client } = caller;
    if (status === 401 || status === 403)
      audit.record({ who: client, what, outcome: 'refused', detail: error });
    return refuse(response, status, error);
  }
  if (url === undefined) return sendJson(response, 400, { error: 'the path is malformed' });
  if (url.pathname === '/healthz') {
    const ready = answers.isReady();
    return sendJson(response, ready ? 200 : 503, { ready });
  }
  const change = changes[what];
  const reads = method === 'GET' || method === 'HEAD';
  if (change === undefined && !reads) {
    response.setHeader('allow', allowed(url.pathname));
    return sendJson(response, 405, { error: `${url.pathname} takes no ${method}` });
  }
  const needed: Role = change?.role ?? 'view';
  // The page itself is no secret: what it shows comes from the API.
  if (url.pathname.startsWith('/api/') && !mayDo(caller.role, needed)) {
    if (change !== undefined || caller.proven)
      audit.record({ ...auditedAs(caller), what, outcome: 'refused', detail: `needs the role ${needed}` });
    const text = `${what} needs the role ${needed}; ${caller.name} has ${caller.role ?? 'none'}`;
    return refuse(response, caller.proven ? 403 : 401, text);
  }
  if (change !== undefined) return doChange(change, what, caller, request, response, answers, audit);
  await read(url, response, options);
}

/** Who is refused for want of a proof is told how one is given. */
function refuse(response: ServerResponse, status: number, error: string): void {
  if (status === 401) response.setHeader('www-authenticate', 'Bearer, Basic realm="weft"');
  sendJson(response, status, { error });
}

function parseTarget(target: string | undefined): URL | undefined {
  return URL.parse(target ?? '/', 'http://localhost') ?? undefined;
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function listen(server: Server, where: ApiOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const ready = (): void => {
      server.off('error', reject);
      resolve();
    };
    if ('socketPath' in where) server.listen(where.socketPath, ready);
    else server.listen(where.port, where.host, ready);
  });
}
