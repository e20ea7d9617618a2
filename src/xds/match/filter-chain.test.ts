import { describe, expect, it } from 'vitest';
import type { FilterChainMatch } from '../resources.ts';
import type { CompiledMatch, ConnectionFacts } from './filter-chain.ts';
import { compileMatch, matchFilterChain } from './filter-chain.ts';

const facts: ConnectionFacts = {
  destinationAddress: '10.244.0.5',
  destinationPort: 9080,
  sourceAddress: '10.244.0.9',
  sourcePort: 40000,
  serverName: 'a.b.example.com',
  transportProtocol: 'tls',
  applicationProtocols: ['istio'],
};

function chosen(
  matches: Readonly<Record<string, FilterChainMatch>>,
  changes: Partial<ConnectionFacts> = {},
): string | undefined {
  const chains = Object.entries(matches).map(([name, match]) => ({
    name,
    match: compileMatch(match) as CompiledMatch,
  }));
  return matchFilterChain(chains, { ...facts, ...changes })?.name;
}

describe('the filter chain of a connection', () => {
  it('is chosen by port first, and a chain that lost there never returns', () => {
    const chains = {
      port: { destination_port: 9080, server_names: ['other'] },
      any: { server_names: ['a.b.example.com'] },
    };
    expect(chosen(chains)).toBeUndefined();
    expect(chosen(chains, { destinationPort: 1 })).toBe('any');
  });

  it('prefers the longest address range, then the most specific server name', () => {
    const ranges = {
      wide: { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
      exact: { prefix_ranges: [{ address_prefix: '10.244.0.5', prefix_len: 32 }] },
    };
    expect(chosen(ranges)).toBe('exact');
    expect(chosen(ranges, { destinationAddress: '10.1.1.1' })).toBe('wide');
    const names = {
      any: {},
      wild: { server_names: ['*.example.com'] },
      wilder: { server_names: ['*.b.example.com'] },
    };
    expect(chosen(names)).toBe('wilder');
    expect(chosen(names, { serverName: 'x.example.com' })).toBe('wild');
    expect(chosen(names, { serverName: '' })).toBe('any');
  });

  it('tells TLS of the mesh from other TLS and from plain text', () => {
    const inbound = {
      mutual: {
        destination_port: 9080,
        transport_protocol: 'tls',
        application_protocols: ['istio', 'istio-http/1.1'],
      },
      tls: { destination_port: 9080, transport_protocol: 'tls' },
      plain: { destination_port: 9080, transport_protocol: 'raw_buffer' },
    };
    expect(chosen(inbound)).toBe('mutual');
    expect(chosen(inbound, { applicationProtocols: ['h2'] })).toBe('tls');
    expect(chosen(inbound, { transportProtocol: 'raw_buffer', applicationProtocols: [] })).toBe('plain');
  });

  it('tells callers on this machine from others', () => {
    const match: Readonly<Record<string, FilterChainMatch>> = {
      local: { source_type: 'SAME_IP_OR_LOOPBACK' },
      other: { source_type: 'EXTERNAL' },
    };
    expect(chosen(match)).toBe('other');
    expect(chosen(match, { sourceAddress: '127.0.0.1' })).toBe('local');
    expect(chosen(match, { sourceAddress: '10.244.0.5' })).toBe('local');
  });

  it('refuses what it does not understand, by name', () => {
    expect(compileMatch({ address_suffix: 'x' })).toEqual({
      field: 'address_suffix',
      message: 'is not supported in a filter chain match',
    });
    expect(compileMatch({ prefix_ranges: [{ address_prefix: 'x', prefix_len: 8 }] })).toMatchObject({
      field: 'prefix_ranges[0]',
    });
  });
});
