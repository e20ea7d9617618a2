// What the four services share: a small HTTP server, JSON answers, trace headers, an end when asked to end.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** Headers that belong to one request across all services: traces, and who the user is. */
const passedOn = [
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'baggage',
  'end-user',
  'user-agent',
  'authorization',
  'cookie',
];

/** The headers of an incoming request that calls to other services carry on. */
export function traceHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of passedOn) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(value)}\n`);
}

export function sendText(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'max-age=60' });
  response.end(text);
}

export function sendHtml(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
  response.end(html);
}

/** Serves until SIGTERM; then no new connections, open requests end, the process exits. `/health` is always there. */
export function serve(
  name: string,
  answer: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> | void,
): void {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/health') return sendJson(response, 200, { status: `${name} is healthy` });
    void Promise.resolve(answer(request, response, url)).catch((error: Error) => {
      console.error(`${name}: ${error.message}`);
      if (!response.headersSent) sendJson(response, 500, { error: error.message });
    });
  });
  // Longer than proxies keep idle connections, so that it is never this side that hangs up on a request under way.
  server.keepAliveTimeout = 75_000;
  const port = Number(process.env['PORT'] ?? 9080);
  server.listen(port, process.env['HOST'] ?? '0.0.0.0', () => {
    const address = server.address();
    console.log(`${name} listens on ${typeof address === 'object' ? address?.port : port}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      server.close(() => process.exit(0));
      // A connection that answers its last request now would be kept open for the next one.
      setInterval(() => server.closeIdleConnections(), 50);
    });
  }
}
