/**
 * The HTTP API and the static page of the dashboard.
 *
 * In: requests of browsers and of weft's own commands, questions answered by the control plane (`ApiAnswers`).
 * Out: JSON of the shapes in contract.ts, and the files of the dashboard. Called by control/main.ts. What never happens
 * here: a change of anything (all is GET), a secret in an answer, an answer to a page that another site made the
 * browser load from a name of its own (DNS rebinding: host-check.ts).
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type {
  CaReport,
  DenialsReport,
  ExplainAnswer,
  ExplainQuestion,
  ObjectAnswer,
  ObjectQuestion,
  ProxiesReport,
  StatusReport,
} from './contract.ts';
import { isOwnHost } from './host-check.ts';
import { readPage, type StaticFile } from './static-files.ts';

/** What the API is asked about, answered by the control plane. */
export interface ApiAnswers {
  status(): StatusReport | Promise<StatusReport>;
  proxies(): ProxiesReport;
  ca(): CaReport;
  /** What policies denied under a reference; the last of all for ''. */
  denials(id: string): DenialsReport;
  /** The configuration of a proxy as Envoy's config_dump; undefined where there is no such proxy. */
  dump(proxy: string, parts: readonly string[]): object | undefined;
  explain(question: ExplainQuestion): ExplainAnswer;
  object(wanted: ObjectQuestion): ObjectAnswer | undefined;
  /** The first configuration has been read. */
  isReady(): boolean;
}

/** Where and what to serve. */
export interface ApiOptions {
  /** A TCP port (0 takes a free one) or a Unix socket. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  readonly answers: ApiAnswers;
  /** Folder with index.html. Undefined: no page, only the API. */
  readonly dashboardDir?: string;
  /** Names under which the page may be opened, beside `localhost` and addresses. */
  readonly allowedHosts?: readonly string[];
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
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      answer(request, response, options).catch((error) => {
        options.onError(error);
        sendJson(response, 500, { error: 'the control plane could not answer; its log says why' });
      });
    },
  );
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
): Promise<void> {
  if (!isOwnHost(request.headers.host, options.allowedHosts ?? [])) {
    return sendJson(response, 421, { error: 'this server is not known under that name' });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return sendJson(response, 405, { error: 'only GET' });
  }
  const url = parseTarget(request.url);
  if (url === undefined) return sendJson(response, 400, { error: 'the path is malformed' });
  if (url.pathname === '/healthz') {
    const ready = options.answers.isReady();
    return sendJson(response, ready ? 200 : 503, { ready });
  }
  if (url.pathname === '/api/explain') {
    explain(url, response, options.answers);
    return;
  }
  const found = await route(url, options);
  if (found instanceof Object && 'body' in found) sendFile(response, found);
  else sendJson(response, found === undefined ? 404 : 200, found ?? { error: absentText(url) });
}

function absentText({ pathname, searchParams }: URL): string {
  const of = (name: string): string => searchParams.get(name) ?? '';
  if (pathname === '/api/dump') return `there is no proxy ${of('proxy')}; "weft proxies" lists them`;
  if (pathname !== '/api/object') return `there is no ${pathname}`;
  return `there is no ${of('kind')} ${searchParams.get('namespace') ?? 'default'}/${of('name')} in the configuration`;
}

/** Longest token claims that are taken, in characters. */
const MAX_CLAIMS = 8_192;

function explain(url: URL, response: ServerResponse, answers: ApiAnswers): void {
  const { searchParams: words } = url;
  const claims = words.get('claims');
  const jwt = claims === null ? undefined : readObject(claims);
  const question = {
    from: words.get('from') ?? '',
    request: words.get('request') ?? '',
    headers: words.getAll('header'),
    plaintext: words.get('plaintext') === 'true',
    ...(jwt && { jwt }),
  };
  const answer =
    claims !== null && jwt === undefined
      ? { problem: 'claims are no JSON object', misused: true }
      : answers.explain(question);
  if ('told' in answer) sendJson(response, 200, answer.told);
  else sendJson(response, answer.misused ? 400 : 404, { error: answer.problem });
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > MAX_CLAIMS) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

async function route(
  url: URL,
  { answers, dashboardDir }: ApiOptions,
): Promise<object | StaticFile | undefined> {
  switch (url.pathname) {
    case '/api/status':
      return answers.status();
    case '/api/proxies':
      return answers.proxies();
    case '/api/ca':
      return answers.ca();
    case '/api/denials':
      return answers.denials(url.searchParams.get('id') ?? '');
    case '/api/dump':
      return answers.dump(url.searchParams.get('proxy') ?? '', url.searchParams.getAll('part'));
    case '/api/object':
      return answers.object({
        kind: url.searchParams.get('kind') ?? '',
        namespace: url.searchParams.get('namespace') ?? 'default',
        name: url.searchParams.get('name') ?? '',
      });
    default:
      return dashboardDir === undefined ? undefined : readPage(dashboardDir, url.pathname);
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return void response.destroy();
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    ...safeHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': text.length,
    'cache-control': 'no-store',
  });
  response.end(text);
}

function sendFile(response: ServerResponse, { body, contentType }: StaticFile): void {
  response.writeHead(200, {
    ...safeHeaders,
    'content-type': contentType,
    'content-length': body.length,
    'cache-control': 'no-cache',
  });
  response.end(body);
}

/** A page of ours runs our scripts only, is in no frame, and tells nobody where it was. */
const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
} as const;

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
