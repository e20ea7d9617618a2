import { describe, expect, it } from 'vitest';
import type { HttpConnectionManager } from '../../xds/resources.ts';
import { readAccessLogFilter } from './access-log-filter.ts';
import { FLAG } from './response-flags.ts';
import type { StreamFacts } from './stream-facts.ts';

type Filter = NonNullable<NonNullable<HttpConnectionManager['access_log']>[number]['filter']>;

const facts = {
  durationMs: 5,
  responseCode: 503,
  responseFlags: FLAG.upstreamOverflow,
  responseHeaders: [],
  responseTrailers: ['grpc-status', '14'],
  request: { header: (name: string) => (name === 'x-a' ? 'b' : undefined) },
  peer: { metadata: (name: string) => (name === 'shop' ? { shelf: { row: 3 } } : undefined) },
  isTraced: false,
  logType: 'DownstreamEnd',
} as unknown as StreamFacts;

function takes(filter: Filter): boolean {
  const test = readAccessLogFilter(
    filter,
    (field, message) => {
      throw new Error(`${field}: ${message}`);
    },
    'filter',
  );
  return test(facts);
}

const at = (default_value: number) => ({ default_value, runtime_key: 'k' });

describe('whether a stream is logged', () => {
  it.each<[Filter, boolean]>([
    [{ status_code_filter: { comparison: { op: 'GE', value: at(500) } } }, true],
    [{ status_code_filter: { comparison: { op: 'LE', value: at(500) } } }, false],
    [{ duration_filter: { comparison: { op: 'EQ', value: at(5) } } }, true],
    [{ response_flag_filter: {} }, true],
    [{ response_flag_filter: { flags: ['UH'] } }, false],
    [{ response_flag_filter: { flags: ['UH', 'UO'] } }, true],
    [{ header_filter: { header: { name: 'x-a', string_match: { exact: 'b' } } } }, true],
    [{ not_health_check_filter: {} }, true],
    [{ traceable_filter: {} }, false],
    [{ grpc_status_filter: { statuses: ['UNAVAILABLE'] } }, true],
    [{ grpc_status_filter: { statuses: ['UNAVAILABLE'], exclude: true } }, false],
    [{ log_type_filter: { types: ['DownstreamEnd'] } }, true],
    [{ log_type_filter: { types: ['TcpConnectionEnd'] } }, false],
    [metadata('row', 3), true],
    [metadata('row', 4), false],
    [metadata('none', 4), true],
    [metadata('none', 4, false), false],
    [{ and_filter: { filters: [{ response_flag_filter: {} }, { traceable_filter: {} }] } }, false],
    [{ or_filter: { filters: [{ response_flag_filter: {} }, { traceable_filter: {} }] } }, true],
  ])('%j: %s', (filter, expected) => {
    expect(takes(filter)).toBe(expected);
  });

  it('unknown filters are refused', () => {
    expect(() => takes({ extension_filter: { name: 'wasm' } })).toThrow('filter.extension_filter');
  });
});

function metadata(key: string, exact: number, match_if_key_not_found = true): Filter {
  const value = { double_match: { exact } };
  return {
    metadata_filter: {
      matcher: { filter: 'shop', path: [{ key: 'shelf' }, { key }], value },
      match_if_key_not_found,
    },
  };
}
