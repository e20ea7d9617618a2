import { getHeader } from '../../../wire/headers.ts';
import type { GrpcProbeConfig } from './health-check-config.ts';
import type { ProbeTarget } from './probe.ts';
import type { Answer, Question } from './request-probe.ts';

// grpc.health.v1.Health.Check (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Its two messages have
// one field each: they are written and read here.

const SERVING = 1;
const MAX_BODY_BYTES = 1024;

/** A gRPC check's request, made once per endpoint. */
export function grpcQuestion(
  config: GrpcProbeConfig,
  target: ProbeTarget,
  alpn: readonly string[],
): Question {
  const authority = target.ownHostname || config.authority || target.hostname;
  const headers = [
    'host',
    authority,
    'content-type',
    'application/grpc',
    'te',
    'trailers',
    'user-agent',
    'Envoy/HC',
  ];
  return {
    http2: true,
    alpn: alpn.length > 0 ? alpn : ['h2'],
    request: {
      method: 'POST',
      scheme: target.secure ? 'https' : 'http',
      target: '/grpc.health.v1.Health/Check',
      headers: [...headers, ...config.metadata],
      body: 'stream',
      upgrade: '',
    },
    body: framed(checkRequest(config.serviceName)),
    maxBytes: MAX_BODY_BYTES,
    judge,
  };
}

function judge({ status, headers, body, trailers }: Answer): ReturnType<Question['judge']> {
  const code = getHeader(trailers ?? [], 'grpc-status') ?? getHeader(headers, 'grpc-status');
  if (status !== 200 || code !== '0')
    return { kind: 'failed', message: `The answer has status ${status}, gRPC status ${code ?? 'none'}.` };
  const serving = servingStatus(body);
  if (serving !== SERVING)
    return { kind: 'failed', message: `The service says status ${serving}, not SERVING.` };
  return { kind: 'passed', degraded: getHeader(headers, 'x-envoy-degraded') !== undefined };
}

/** Field 1: the service. */
function checkRequest(service: string): Buffer {
  if (service === '') return Buffer.alloc(0);
  const name = Buffer.from(service);
  return Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Field 1 of the answer; 0 (UNKNOWN) where it is absent, -1 where the answer is no such message. */
function servingStatus(body: Buffer): number {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return -1;
  if (body.length === 5) return 0;
  return body[5] === 0x08 && body.length === 7 ? (body[6] as number) : -1;
}
