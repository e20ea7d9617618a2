import { checkDuration } from '../../check/duration.ts';
import type { Report } from '../../report.ts';
import { bool, duration, type Infer, int32, message, text } from '../../schema.ts';

/** When and how often a request is tried again. */
export const httpRetry = message(
  {},
  {
    attempts: int32,
    perTryTimeout: duration,
    retryOn: text,
    retryRemoteLocalities: bool,
    retryIgnorePreviousHosts: bool,
    backoff: duration,
  },
);
export type HttpRetry = Infer<typeof httpRetry>;

/** Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on. */
const CONDITIONS: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** Counts, times and conditions; `attempts: 0` turns retries off and goes with nothing else. */
export function checkHttpRetry(retry: HttpRetry | undefined, report: Report): void {
  if (retry === undefined) return;
  const attempts = retry.attempts ?? 0;
  if (attempts < 0) report.error('attempts', `${attempts} is negative; write 0 to turn retries off`);
  const configured = [retry.perTryTimeout, retry.retryOn || undefined, retry.retryRemoteLocalities];
  if (attempts === 0 && configured.some((field) => field !== undefined))
    report.error(
      'attempts',
      'attempts is 0, which turns retries off; set it to 1 or more, or drop the other fields',
    );
  checkDuration(retry.perTryTimeout, report, 'perTryTimeout');
  checkDuration(retry.backoff, report, 'backoff');
  if (retry.retryOn !== undefined && retry.retryOn !== '') checkRetryOn(retry.retryOn, report);
}

function checkRetryOn(retryOn: string, report: Report): void {
  for (const condition of retryOn.split(','))
    if (!CONDITIONS.has(condition) && !isStatusCode(condition))
      report.error(
        'retryOn',
        `"${condition}" is no condition for a retry; use status codes, or ${[...CONDITIONS].join(', ')}`,
      );
}

/** Status codes with a registered meaning (IANA, HTTP Status Code Registry). */
function isStatusCode(text: string): boolean {
  if (!/^[1-5]\d\d$/.test(text)) return false;
  const code = Number(text);
  if (code < 200) return code <= 103;
  if (code < 300) return code <= 208 || code === 226;
  if (code < 400) return code <= 308 && code !== 306;
  if (code < 500)
    return code <= 418 || (code >= 421 && code <= 429 && code !== 427) || code === 431 || code === 451;
  return code <= 511 && code !== 509;
}
