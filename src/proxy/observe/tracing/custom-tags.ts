import { getHeader } from '../../../wire/headers.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import type { HttpConnectionManager, Json } from '../../../xds/resources.ts';
import type { CustomTag, MetadataByFilter, TracedStream } from './traced-stream.ts';

type Message = NonNullable<NonNullable<HttpConnectionManager['tracing']>['custom_tags']>[number];

/** Metadata of a cluster by its name. */
export type ClusterMetadata = (cluster: string) => MetadataByFilter | undefined;

export function readCustomTags(
  messages: readonly Message[] | undefined,
  clusters: ClusterMetadata,
  refuse: Refuse,
  field: string,
): readonly CustomTag[] {
  return (messages ?? []).map((message, i) => readCustomTag(message, clusters, refuse, `${field}[${i}]`));
}

function readCustomTag(
  message: Message,
  clusters: ClusterMetadata,
  refuse: Refuse,
  field: string,
): CustomTag {
  const { tag: name = '', literal, environment, request_header, metadata, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (name === '') refuse(fieldIn(field, 'tag'), 'is missing');
  if (literal !== undefined) return { name, value: () => literal.value };
  if (environment !== undefined) {
    const value = process.env[environment.name ?? ''] || environment.default_value;
    return { name, value: () => value };
  }
  if (request_header !== undefined) {
    const header = (request_header.name ?? '').toLowerCase();
    return {
      name,
      value: ({ request }) => headerOf(request, header) ?? request_header.default_value,
    };
  }
  if (metadata !== undefined) return { name, value: metadataValue(metadata, clusters, refuse, field) };
  refuse(field, 'says nothing of where its value comes from');
  return { name, value: () => undefined };
}

function headerOf(request: TracedStream['request'], name: string): string | undefined {
  switch (name) {
    case ':path':
      return request.path;
    case ':method':
      return request.method;
    case ':authority':
    case 'host':
      return request.authority;
    default:
      return getHeader(request.headers, name);
  }
}

function metadataValue(
  message: NonNullable<Message['metadata']>,
  clusters: ClusterMetadata,
  refuse: Refuse,
  field: string,
): CustomTag['value'] {
  const { kind = {}, metadata_key = {}, default_value } = message;
  const { key = '', path = [] } = metadata_key;
  const keys = path.map((segment) => segment.key ?? '');
  let read: (stream: TracedStream) => { readonly [key: string]: Json } | undefined;
  if (kind.route !== undefined) read = (stream) => stream.route?.metadata[key];
  else if (kind.cluster !== undefined) read = (stream) => clusters(stream.outcome.cluster ?? '')?.[key];
  else if (kind.host !== undefined) read = (stream) => stream.outcome.endpoint?.placement.spec.metadata[key];
  else read = (stream) => stream.facts.peer.metadata(key);
  if (key === '') refuse(fieldIn(field, 'metadata.metadata_key.key'), 'is missing');
  return (stream) => textAt(read(stream), keys) ?? default_value;
}

/** A value inside a struct as text: what is no string is JSON. */
function textAt(root: Json | undefined, keys: readonly string[]): string | undefined {
  let value: Json | undefined = root;
  for (const key of keys)
    value =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as { readonly [key: string]: Json })[key]
        : undefined;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
