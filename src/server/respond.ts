import type { ServerResponse } from 'node:http';
import type { StaticFile } from './static-files.ts';

/** Answers with an object, once. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
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

/** Answers with a file of the page. */
export function sendFile(response: ServerResponse, { body, contentType }: StaticFile): void {
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
