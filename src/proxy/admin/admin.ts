/**
 * The admin end points, Envoy's by path and format. For this machine only: they listen on the bootstrap's admin
 * address, which is loopback, and show no secret.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { OpenedSocket } from '../../wire/connection.ts';
import { fdOf } from '../../wire/sockets/bind.ts';

/** An answer. */
export interface AdminAnswer {
  readonly status?: number;
  readonly contentType?: string;
  readonly body: string;
}

/** What answers a path; only POST may change anything. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly help: string;
  readonly answer: (query: URLSearchParams) => AdminAnswer | Promise<AdminAnswer>;
}

/** A JSON answer. */
export function json(value: unknown, status = 200): AdminAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}

/** Opens the admin server; resolves when it listens. Rejects with the system's error. */
export async function openAdmin(
  address: { readonly host: string; readonly port: number },
  routes: ReadonlyMap<string, AdminRoute>,
  opened?: OpenedSocket,
): Promise<{ readonly port: number; readonly fd: number; close(): Promise<void> }> {
  // Not imported: an import of node:http reads all its exports, and `WebSocket` among them loads 13 MiB of others.
  const { createServer } = process.getBuiltinModule('node:http');
  const server: Server = createServer({ maxHeaderSize: 16 * 1024 }, (request, response) => {
    void respond(routes, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (opened === undefined) server.listen(address.port, address.host, resolve);
    else server.listen('fd' in opened ? opened : opened.handle, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    fd: fdOf((server as unknown as { _handle?: object })._handle),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setImmediate(() => server.closeAllConnections());
      }),
  };
}

async function respond(
  routes: ReadonlyMap<string, AdminRoute>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  const url = new URL(request.url ?? '/', 'http://admin');
  const answer = await answerOf(routes, request.method ?? 'GET', url);
  response.writeHead(answer.status ?? 200, {
    'content-type': answer.contentType ?? 'text/plain; charset=UTF-8',
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function answerOf(
  routes: ReadonlyMap<string, AdminRoute>,
  method: string,
  url: URL,
): Promise<AdminAnswer> {
  const route = routes.get(url.pathname);
  if (route === undefined)
    return {
      status: url.pathname === '/' ? 200 : 404,
      body: `${url.pathname === '/' ? '' : 'invalid path. '}admin commands are:\n${overview(routes)}`,
    };
  if (route.method === 'POST' && method !== 'POST')
    return { status: 405, body: `Method ${method} not allowed, POST required.` };
  try {
    return await route.answer(url.searchParams);
  } catch (error) {
    return { status: 500, body: `${(error as Error).message}\n` };
  }
}

export function overview(routes: ReadonlyMap<string, AdminRoute>): string {
  return [...routes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { method, help }]) => `  ${path}${method === 'POST' ? ' (POST)' : ''}: ${help}\n`)
    .join('');
}
