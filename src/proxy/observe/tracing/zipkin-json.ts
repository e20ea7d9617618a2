import type { Span } from './span.ts';

/** Who reports, as spans name it. */
export interface ZipkinEndpoint {
  readonly serviceName: string;
  /** '' where it is not known. */
  readonly ipv4: string;
}

/** Zipkin's JSON v2 (zipkin.io/zipkin-api): a list of spans. Times are whole microseconds. */
export function zipkinJson(spans: readonly Span[], endpoint: ZipkinEndpoint, shares: boolean): string {
  const local = JSON.stringify({
    ...(endpoint.ipv4 === '' ? {} : { ipv4: endpoint.ipv4 }),
    port: 0,
    serviceName: endpoint.serviceName,
  });
  return `[${spans.map((span) => spanJson(span, local, shares)).join(',')}]`;
}

function spanJson(span: Span, local: string, shares: boolean): string {
  const { traceId, spanId, parentId, kind, tags } = span;
  let text = `{"traceId":"${traceId}","id":"${spanId}","kind":"${kind === 'client' ? 'CLIENT' : 'SERVER'}"`;
  if (parentId !== '') text += `,"parentId":"${parentId}"`;
  if (kind === 'server' && shares) text += ',"shared":true';
  if (span.name !== '') text += `,"name":${JSON.stringify(span.name)}`;
  text += `,"timestamp":${micros(span.startMs)},"duration":${Math.max(1, micros(span.durationMs))}`;
  text += `,"localEndpoint":${local},"tags":{`;
  for (let i = 0; i < tags.length; i += 2)
    text += `${i === 0 ? '' : ','}${JSON.stringify(tags[i])}:${JSON.stringify(tags[i + 1])}`;
  return `${text}},"annotations":${annotations(span)}}`;
}

/** What happened when; at the end that the response was sent or received. */
function annotations({ events = [], kind, startMs, durationMs }: Span): string {
  const list: { timestamp: number; value: string }[] = [];
  for (let i = 0; i < events.length; i += 2)
    list.push({ timestamp: micros(events[i + 1] as number), value: events[i] as string });
  list.push({ timestamp: micros(startMs + durationMs), value: kind === 'client' ? 'cr' : 'ss' });
  return JSON.stringify(list);
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}
