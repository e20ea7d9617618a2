import type { Counter, StatScope } from '../../../observe/stat-scope.ts';
import { chooseEncoding } from './accept-encoding.ts';
import type { CompressorConfig } from './config.ts';

/** What a compressor counts, under `http.PREFIX.compressor.LIBRARY.gzip.` */
export interface CompressorStats {
  readonly compressed: Counter;
  readonly notCompressed: Counter;
  readonly requestNotCompressed: Counter;
  readonly tooShort: Counter;
  readonly bytesIn: Counter;
  /** Counts bytes that go out. */
  sent(bytes: Buffer): Buffer;
  /** What the client's header made of this compressor; undefined where it takes no such body. */
  decided(header: string | undefined, encoding: string | undefined): void;
}

export function statsOf(stats: StatScope, config: CompressorConfig): CompressorStats {
  const scope = stats.scope(config.statPrefix);
  const response = scope.scope(config.responseStats);
  const header = {
    none: scope.counter('no_accept_header'),
    used: scope.counter('header_compressor_used'),
    identity: scope.counter('header_identity'),
    wildcard: scope.counter('header_wildcard'),
    notValid: scope.counter('header_not_valid'),
  };
  const bytesOut = response.counter('total_compressed_bytes');
  return {
    compressed: response.counter('compressed'),
    notCompressed: response.counter('not_compressed'),
    requestNotCompressed: scope.counter('request.not_compressed'),
    tooShort: response.counter('content_length_too_small'),
    bytesIn: response.counter('total_uncompressed_bytes'),
    sent(bytes) {
      bytesOut.value += bytes.length;
      return bytes;
    },
    decided(text, encoding) {
      header[decisionOf(text, encoding)].value++;
    },
  };
}

function decisionOf(
  text: string | undefined,
  encoding: string | undefined,
): 'none' | 'used' | 'identity' | 'wildcard' | 'notValid' {
  if (text === undefined) return 'none';
  if (encoding === undefined) return 'notValid';
  if (chooseEncoding(text, [encoding]) === encoding) return text.includes(encoding) ? 'used' : 'wildcard';
  return /(?:^|,)\s*identity\b/i.test(text) ? 'identity' : 'notValid';
}
