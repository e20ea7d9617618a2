import { portProblem } from '../../check/port.ts';
import { regexProblem } from '../../check/regex.ts';
import type { Report } from '../../report.ts';
import { type Infer, message, oneOf, text, uint32 } from '../../schema.ts';
import { checkAtMostOne } from '../shared/exclusive.ts';
import type { HttpMatch } from './match.ts';

/** Changes of path and authority on the way to the destination. */
export const httpRewrite = message(
  {},
  { uri: text, authority: text, uriRegexRewrite: message({}, { match: text, rewrite: text }) },
);
export type HttpRewrite = Infer<typeof httpRewrite>;

/** An answer that sends the client elsewhere; parts that are not set stay as they were. */
export const httpRedirect = message(
  {},
  {
    uri: text,
    prefixRewrite: text,
    authority: text,
    port: uint32,
    derivePort: oneOf('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    scheme: text,
    redirectCode: uint32,
  },
);
export type HttpRedirect = Infer<typeof httpRedirect>;

/** An answer by the proxy itself. `bytes` is base64. */
export const directResponse = message(
  { status: uint32 },
  { body: message({}, { string: text, bytes: text }) },
);
export type DirectResponse = Infer<typeof directResponse>;

const LARGE_BODY_BYTES = 100 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;

/** Something to rewrite, the path in one way only. */
export function checkRewrite(rewrite: HttpRewrite | undefined, report: Report): void {
  if (rewrite === undefined) return;
  const { uri = '', authority = '', uriRegexRewrite: regex } = rewrite;
  if (uri !== '' && regex !== undefined)
    report.error('uriRegexRewrite', 'uriRegexRewrite cannot be combined with uri; keep one of the two');
  if (uri === '' && authority === '' && regex === undefined)
    report.error([], 'an empty rewrite changes nothing; set uri, uriRegexRewrite or authority');
  if (regex === undefined) return;
  if (!regex.match || !regex.rewrite)
    report.error('uriRegexRewrite', 'both match and rewrite are required here');
  else {
    const problem = regexProblem(regex.match);
    if (problem !== undefined) report.error(['uriRegexRewrite', 'match'], problem);
  }
}

/** Something to change, and values that a Location header can have. */
export function checkRedirect(
  redirect: HttpRedirect | undefined,
  matches: readonly HttpMatch[],
  report: Report,
): void {
  if (redirect === undefined) return;
  const { uri = '', prefixRewrite = '', authority = '', scheme = '', redirectCode = 0 } = redirect;
  if (uri !== '' && prefixRewrite !== '')
    report.error('prefixRewrite', 'prefixRewrite cannot be combined with uri; keep one of the two');
  const other = matches.findIndex((match) => match.uri !== undefined && match.uri.prefix === undefined);
  if (prefixRewrite !== '' && other >= 0)
    report.error(
      'prefixRewrite',
      `prefixRewrite needs matches by uri.prefix; match[${other}] matches otherwise`,
    );
  const port = redirect.port ?? redirect.derivePort;
  if (uri === '' && prefixRewrite === '' && authority === '' && scheme === '' && port === undefined)
    report.error([], 'an empty redirect leads nowhere; set uri, authority, scheme or port');
  if (redirectCode !== 0 && (redirectCode < 300 || redirectCode > 399))
    report.error('redirectCode', `${redirectCode} is not a redirect; use 301, 302, 303, 307 or 308`);
  if (!['', 'http', 'https'].includes(scheme))
    report.error('scheme', `"${scheme}" is not possible; use http or https`);
  checkAtMostOne(redirect, ['port', 'derivePort'], report);
  const problem = (redirect.port ?? 0) > 0 ? portProblem(redirect.port ?? 0) : undefined;
  if (problem !== undefined) report.error('port', problem);
}

/** A status and a body of reasonable size: it travels in the configuration of every proxy. */
export function checkDirectResponse(response: DirectResponse | undefined, report: Report): void {
  if (response === undefined) return;
  checkStatus(response.status, report, 'status');
  if (response.body === undefined) return;
  checkAtMostOne(response.body, ['string', 'bytes'], report.at('body'));
  const { string = '', bytes = '' } = response.body;
  if (!isBase64(bytes)) report.error(['body', 'bytes'], 'this is not base64; write plain text as string');
  const sizeBytes = Math.max(utf8Length(string), Math.floor((bytes.length * 3) / 4));
  if (sizeBytes > MAX_BODY_BYTES)
    report.error('body', `the body has ${sizeBytes} bytes; at most 1 MiB is possible`);
  else if (sizeBytes > LARGE_BODY_BYTES)
    report.warn(
      'body',
      `the body has ${sizeBytes} bytes and travels to every proxy; serve it from a workload`,
    );
}

/** 200 to 600 inclusive: Envoy's fault filter and direct responses take these. */
export function checkStatus(status: number, report: Report, field: string): void {
  if (status < 200 || status > 600) report.error(field, `${status} is not an HTTP status; use 200 to 599`);
}

/** RFC 4648, 4 and 5, with or without padding. */
function isBase64(text: string): boolean {
  const digits = text.replace(/=+$/, '').length;
  return (
    /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) &&
    digits % 4 !== 1 &&
    (digits === text.length || text.length % 4 === 0)
  );
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
