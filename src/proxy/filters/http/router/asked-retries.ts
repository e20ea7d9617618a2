import { getHeader, type Headers, removeHeader } from '../../../../wire/headers.ts';
import {
  GRPC_CONDITIONS,
  HTTP_CONDITIONS,
  parseConditions,
  type RetryCondition,
} from '../../../stream/retry-policy.ts';

/** What a caller asks of retries in headers, beside what the route says. */
export interface AskedRetries {
  readonly on: ReadonlySet<RetryCondition>;
  readonly retries: number | undefined;
  readonly statusCodes: readonly number[];
  /** Lower case. */
  readonly responseHeaders: readonly string[];
  readonly hedges: boolean | undefined;
}

/** Takes them out of the request: they are for this proxy alone. */
export function takeAskedRetries(headers: Headers): AskedRetries {
  const on = parseConditions(take(headers, 'x-envoy-retry-on'), () => {}, HTTP_CONDITIONS);
  for (const condition of parseConditions(take(headers, 'x-envoy-retry-grpc-on'), () => {}, GRPC_CONDITIONS))
    on.add(condition);
  const retries = take(headers, 'x-envoy-max-retries');
  const hedges = take(headers, 'x-envoy-hedge-on-per-try-timeout');
  return {
    on,
    retries: /^\d{1,9}$/.test(retries) ? Number(retries) : undefined,
    statusCodes: words(take(headers, 'x-envoy-retriable-status-codes'))
      .filter((word) => /^\d{1,9}$/.test(word))
      .map(Number),
    responseHeaders: words(take(headers, 'x-envoy-retriable-header-names')).map((name) => name.toLowerCase()),
    hedges: hedges === '' ? undefined : hedges === 'true',
  };
}

function take(headers: Headers, name: string): string {
  const value = getHeader(headers, name);
  if (value !== undefined) removeHeader(headers, name);
  return value ?? '';
}

function words(text: string): string[] {
  return text.split(',').flatMap((word) => word.trim() || []);
}
