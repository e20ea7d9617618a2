import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type AnyMessage, messageOf } from '../../../../xds/resources.ts';
import { readChoice } from '../../../fields.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';
import { type Encoding, readBrotli, readGzip } from './encoding.ts';

/** extensions.filters.http.compressor.v3.Compressor, for responses. */
export interface CompressorConfig {
  readonly encoding: Encoding;
  readonly enabled: boolean;
  readonly minLength: number;
  readonly contentTypes: ReadonlySet<string>;
  readonly sparesEtags: boolean;
  readonly removesAcceptEncoding: boolean;
  /** `compressor.LIBRARY.gzip.` and then `response.` where that direction is configured. */
  readonly statPrefix: string;
  readonly responseStats: string;
}

/** What a route says; undefined fields: as the chain. */
export interface CompressorRouteConfig {
  readonly disabled: boolean;
  readonly removesAcceptEncoding: boolean | undefined;
}

export const COMPRESSOR_MESSAGE = 'envoy.extensions.filters.http.compressor.v3.Compressor';
export const COMPRESSOR_ROUTE_MESSAGE = 'envoy.extensions.filters.http.compressor.v3.CompressorPerRoute';

/** Envoy's defaults. */
const MIN_LENGTH = 30;
const CONTENT_TYPES = [
  'application/javascript',
  'application/json',
  'application/xhtml+xml',
  'image/svg+xml',
  'text/css',
  'text/html',
  'text/plain',
  'text/xml',
];

interface Message {
  readonly compressor_library?: { readonly name?: string; readonly typed_config?: AnyMessage };
  readonly response_direction_config?: Direction;
  readonly request_direction_config?: {
    readonly common_config?: { readonly enabled?: { readonly default_value?: boolean } };
  };
  /** The deprecated ones, which mean responses. */
  readonly content_length?: number;
  readonly content_type?: readonly string[];
  readonly runtime_enabled?: { readonly default_value?: boolean };
  readonly disable_on_etag_header?: boolean;
  readonly remove_accept_encoding_header?: boolean;
}

interface Direction {
  readonly common_config?: {
    readonly enabled?: { readonly default_value?: boolean };
    readonly min_content_length?: number;
    readonly content_type?: readonly string[];
  };
  readonly disable_on_etag_header?: boolean;
  readonly remove_accept_encoding_header?: boolean;
}

export function lowerCompressor(message: AnyMessage, { refuse, field }: MessageContext): CompressorConfig {
  const { '@type': _type, ...fields } = message;
  const { compressor_library, response_direction_config, request_direction_config, ...more } =
    fields as Message;
  const { content_length, content_type, runtime_enabled, ...flags } = more;
  const { disable_on_etag_header, remove_accept_encoding_header, ...rest } = flags;
  refuseRest(refuse, field, rest);
  if (request_direction_config?.common_config?.enabled?.default_value === true)
    refuse(fieldIn(field, 'request_direction_config'), 'is not supported by this proxy');
  const place = fieldIn(field, 'response_direction_config');
  const { common_config, ...direction } = response_direction_config ?? {
    disable_on_etag_header,
    remove_accept_encoding_header,
  };
  const {
    disable_on_etag_header: sparesEtags,
    remove_accept_encoding_header: removes,
    ...unknown
  } = direction;
  refuseRest(refuse, place, unknown);
  const {
    enabled,
    min_content_length,
    content_type: types,
    ...others
  } = common_config ?? {
    enabled: runtime_enabled,
    min_content_length: content_length,
    content_type,
  };
  refuseRest(refuse, fieldIn(place, 'common_config'), others);
  const encoding = readLibrary(
    compressor_library?.typed_config,
    refuse,
    fieldIn(field, 'compressor_library.typed_config'),
  );
  const kind = encoding.name === 'br' ? 'brotli' : encoding.name;
  return {
    encoding,
    statPrefix: `compressor.${compressor_library?.name ?? ''}.${kind}.`,
    responseStats: response_direction_config === undefined ? '' : 'response.',
    enabled: enabled?.default_value !== false,
    minLength: min_content_length ?? MIN_LENGTH,
    contentTypes: new Set((types?.length ? types : CONTENT_TYPES).map((type) => type.toLowerCase())),
    sparesEtags: sparesEtags === true,
    removesAcceptEncoding: removes === true,
  };
}

function readLibrary(library: AnyMessage | undefined, refuse: Refuse, field: string): Encoding {
  const { '@type': type = '', ...fields } = library ?? {};
  const messages = ['gzip', 'brotli'].map(
    (name) => `envoy.extensions.compression.${name}.compressor.v3.${name === 'gzip' ? 'Gzip' : 'Brotli'}`,
  );
  const found = readChoice(messageOf(type), '', messages, refuse, field);
  return found === messages[1] ? readBrotli(fields, refuse, field) : readGzip(fields, refuse, field);
}

export function lowerCompressorRoute(
  message: AnyMessage,
  { refuse, field }: MessageContext,
): CompressorRouteConfig {
  const { '@type': _type, disabled, overrides, ...rest } = message;
  refuseRest(refuse, field, rest);
  const { response_direction_config, ...more } = (overrides ?? {}) as {
    readonly response_direction_config?: { readonly remove_accept_encoding_header?: boolean };
  };
  const place = fieldIn(field, 'overrides');
  refuseRest(refuse, place, more);
  const { remove_accept_encoding_header, ...unknown } = response_direction_config ?? {};
  refuseRest(refuse, fieldIn(place, 'response_direction_config'), unknown);
  return { disabled: disabled === true, removesAcceptEncoding: remove_accept_encoding_header };
}
