import {
  type CompiledMatch,
  type ConnectionFacts,
  compileMatch,
  matchFilterChain,
} from '../../xds/match/filter-chain.ts';
import type { FilterChain, FilterChainMatch, Listener } from '../../xds/resources.ts';
import { type Alternative, NOBODY } from './explanation.ts';

interface Candidate {
  readonly chain: FilterChain;
  readonly match: CompiledMatch;
}

/**
 * The chain that takes the connection, the default one where no other does; and why others do not. Where one does, of
 * the others only those count that are for the same port: a proxy has chains for many.
 */
export function pickChain(
  listener: Listener,
  facts: ConnectionFacts,
): { readonly chain: FilterChain | undefined; readonly instead: readonly Alternative[] } {
  const candidates = (listener.filter_chains ?? []).flatMap((chain): Candidate[] => {
    const match = compileMatch(chain.filter_chain_match);
    return 'field' in match ? [] : [{ chain, match }];
  });
  const picked = matchFilterChain(candidates, facts)?.chain ?? listener.default_filter_chain;
  const port = picked?.filter_chain_match?.destination_port;
  const others = candidates
    .map(({ chain }) => chain)
    .filter((chain) => chain !== picked)
    .filter((chain) => picked === undefined || chain.filter_chain_match?.destination_port === port)
    .slice(0, MAX_ALTERNATIVES);
  return { chain: picked, instead: others.map((chain) => alternative(chain, facts)) };
}

function alternative(chain: FilterChain, facts: ConnectionFacts): Alternative {
  return { what: `filter chain ${matchText(chain)}`, why: whyNot(chain, facts), because: NOBODY };
}

/** How many chains that lost are told of; a gateway may have hundreds. */
const MAX_ALTERNATIVES = 12;

/** What a connection is, in words. */
export function factsText(facts: ConnectionFacts): string {
  const { transportProtocol, serverName, applicationProtocols } = facts;
  if (transportProtocol === 'raw_buffer')
    return applicationProtocols.length > 0 ? `plain HTTP (${applicationProtocols.join(', ')})` : 'plain text';
  const name = serverName === '' ? 'without a server name' : `for ${serverName}`;
  return `TLS ${name}${applicationProtocols.length > 0 ? `, ALPN ${applicationProtocols.join(', ')}` : ''}`;
}

/** What a chain takes, in words; its name says little where several share one. */
export function matchText(chain: FilterChain): string {
  const match = chain.filter_chain_match ?? {};
  const name = chain.name === undefined || chain.name === '' ? '' : `${chain.name} `;
  const parts = CRITERIA.flatMap(([field, text]) => (match[field] === undefined ? [] : [text(match)]));
  return `${name}(${parts.length === 0 ? 'any connection' : parts.join(', ')})`;
}

type Field = keyof FilterChainMatch;

const CRITERIA: readonly (readonly [Field, (match: FilterChainMatch) => string])[] = [
  ['destination_port', (match) => `port ${match.destination_port}`],
  ['prefix_ranges', (match) => `to ${(match.prefix_ranges ?? []).map(rangeText).join(' or ')}`],
  ['server_names', (match) => `server name ${(match.server_names ?? []).join(' or ')}`],
  ['transport_protocol', (match) => (match.transport_protocol === 'tls' ? 'TLS' : 'no TLS')],
  ['application_protocols', (match) => `protocol ${(match.application_protocols ?? []).join(' or ')}`],
  [
    'direct_source_prefix_ranges',
    (match) => `from ${(match.direct_source_prefix_ranges ?? []).map(rangeText).join(' or ')}`,
  ],
  ['source_type', (match) => `from ${match.source_type === 'EXTERNAL' ? 'elsewhere' : 'this machine'}`],
  [
    'source_prefix_ranges',
    (match) => `from ${(match.source_prefix_ranges ?? []).map(rangeText).join(' or ')}`,
  ],
  ['source_ports', (match) => `from port ${(match.source_ports ?? []).join(' or ')}`],
];

function rangeText(range: { readonly address_prefix?: string; readonly prefix_len?: number }): string {
  return `${range.address_prefix}/${range.prefix_len ?? 0}`;
}

/** The first criterion that fails by itself; where none does, another chain is narrower. */
function whyNot(chain: FilterChain, facts: ConnectionFacts): string {
  const match = chain.filter_chain_match ?? {};
  for (const [field, text] of CRITERIA) {
    if (match[field] === undefined) continue;
    const alone = compileMatch({ [field]: match[field] });
    if (!('field' in alone) && matchFilterChain([{ match: alone }], facts) === undefined)
      return `takes ${text(match)}; this is ${field === 'destination_port' ? `port ${facts.destinationPort}` : factsText(facts)}`;
  }
  return 'another chain means this connection more narrowly';
}
