import { getHeader, type Headers, removeHeader, setHeader } from '../../../wire/headers.ts';
import type { HeaderChange, HttpProbeConfig, StatusRange } from './health-check-config.ts';
import type { ProbeTarget } from './probe.ts';
import type { Answer, Question } from './request-probe.ts';
import { containsInOrder } from './tcp-probe.ts';

/** Envoy's answer to who asks: many applications leave checks out of their logs by it. */
const USER_AGENT = 'Envoy/HC';
const MAX_BODY_BYTES = 1024 * 1024;

/** An HTTP check's request, made once per endpoint. `onVerified`: a service name was compared. */
export function httpQuestion(
  config: HttpProbeConfig,
  target: ProbeTarget,
  alpn: readonly string[],
  onVerified: () => void,
): Question {
  const { http2, body, method, path } = config;
  const headers: Headers = [
    'host',
    target.ownHostname || config.host || target.hostname,
    'user-agent',
    USER_AGENT,
  ];
  if (body.length > 0) headers.push('content-length', String(body.length));
  for (const change of config.headers) applyHeader(headers, change);
  for (const name of config.removedHeaders) removeHeader(headers, name);
  return {
    http2,
    alpn: alpn.length > 0 ? alpn : http2 ? ['h2'] : undefined,
    request: {
      method,
      scheme: target.secure ? 'https' : 'http',
      target: path,
      headers,
      body: body.length > 0 ? 'length' : 'none',
      upgrade: '',
    },
    body,
    maxBytes: config.receive.length === 0 ? 0 : config.responseBytes || MAX_BODY_BYTES,
    judge: (answer) => judge(answer, config, onVerified),
  };
}

function applyHeader(headers: Headers, { name, value, mode }: HeaderChange): void {
  const there = getHeader(headers, name.toLowerCase()) !== undefined;
  if (mode === 'append') headers.push(name, value);
  else if (mode === 'replace' || (mode === 'keep' ? !there : there)) setHeader(headers, name, value);
}

function judge(
  { status, headers, body }: Answer,
  config: HttpProbeConfig,
  onVerified: () => void,
): ReturnType<Question['judge']> {
  const immediate = getHeader(headers, 'x-envoy-immediate-health-check-fail') !== undefined;
  if (config.receive.length > 0 && !containsInOrder(body, config.receive))
    return { kind: 'failed', message: 'The answer is not the one that is expected.', immediate };
  if (!isIn(config.expected, status)) {
    const kind = isIn(config.retriable, status) ? 'retriable' : 'failed';
    return { kind, message: `The answer has status ${status}.`, immediate };
  }
  if (config.serviceName !== undefined) {
    onVerified();
    const name = getHeader(headers, 'x-envoy-upstream-healthchecked-cluster') ?? '';
    if (!config.serviceName(name)) return { kind: 'failed', message: `The endpoint belongs to '${name}'.` };
  }
  return { kind: 'passed', degraded: getHeader(headers, 'x-envoy-degraded') !== undefined };
}

function isIn(ranges: readonly StatusRange[], status: number): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
