import type { Headers } from '../headers.ts';
import type { Metadata } from './status.ts';

/** What gRPC itself says in headers; the rest is the application's. */
const RECEIVED_BY_US = new Set([
  'content-type',
  'grpc-status',
  'grpc-message',
  'grpc-encoding',
  'grpc-accept-encoding',
]);
const SENT_BY_US = new Set(['content-type', 'te', 'user-agent', 'host']);

/** The application's part of headers or trailers. */
export function receivedMetadata(headers: Headers): Metadata {
  return pick(headers, (name) => !RECEIVED_BY_US.has(name));
}

/** Metadata in lower case, without names that are gRPC's or HTTP/2's. */
export function metadataToSend(metadata: Metadata): Headers {
  return pick(
    metadata,
    (name) => !SENT_BY_US.has(name) && !name.startsWith('grpc-') && !name.startsWith(':'),
  );
}

function pick(fields: readonly string[], wanted: (lowerName: string) => boolean): string[] {
  const picked: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    if (wanted(name)) picked.push(name, fields[i + 1] as string);
  }
  return picked;
}
