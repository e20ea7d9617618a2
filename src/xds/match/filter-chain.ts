/**
 * Which filter chain takes a connection: the rules of config.listener.v3.FilterChainMatch, in Envoy's order. Each
 * step keeps the chains with the most specific match of one criterion and forgets the rest; there is no way back, so
 * a chain that loses at the port never wins by its server name.
 */
import type { Cidr } from '../../lib/cidr.ts';
import { cidrContains, parseCidr } from '../../lib/cidr.ts';
import { parseIpAddress } from '../../lib/ip-address.ts';
import type { FilterChainMatch } from '../resources.ts';

/** What is known of a connection when its chain is chosen. */
export interface ConnectionFacts {
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly sourceAddress: string;
  /** Of the socket's peer, where the PROXY protocol told another source. */
  readonly directSourceAddress?: string;
  readonly sourcePort: number;
  /** '' where the client named none. Lower case. */
  readonly serverName: string;
  readonly transportProtocol: 'raw_buffer' | 'tls';
  /** Offered by ALPN, or found by the HTTP inspector (`http/1.1`, `h2c`). */
  readonly applicationProtocols: readonly string[];
}

/** A match with its addresses parsed. */
export interface CompiledMatch {
  readonly port: number;
  readonly destinations: readonly Cidr[];
  readonly serverNames: readonly string[];
  readonly transportProtocol: string;
  readonly applicationProtocols: readonly string[];
  readonly directSources: readonly Cidr[];
  readonly sourceType: string;
  readonly sources: readonly Cidr[];
  readonly sourcePorts: readonly number[];
}

/** Parses a match, or says which field is wrong. Absent is the match of everything. */
export function compileMatch(
  match: FilterChainMatch = {},
): CompiledMatch | { readonly field: string; readonly message: string } {
  const {
    destination_port,
    prefix_ranges,
    server_names,
    transport_protocol,
    application_protocols,
    ...more
  } = match;
  const { direct_source_prefix_ranges, source_type, source_prefix_ranges, source_ports, ...rest } = more;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) return { field: unknown, message: 'is not supported in a filter chain match' };
  const destinations = ranges(prefix_ranges, 'prefix_ranges');
  const directSources = ranges(direct_source_prefix_ranges, 'direct_source_prefix_ranges');
  const sources = ranges(source_prefix_ranges, 'source_prefix_ranges');
  for (const parsed of [destinations, directSources, sources]) if ('field' in parsed) return parsed;
  return {
    port: destination_port ?? 0,
    destinations: destinations as readonly Cidr[],
    serverNames: (server_names ?? []).map((name) => name.toLowerCase()),
    transportProtocol: transport_protocol ?? '',
    applicationProtocols: application_protocols ?? [],
    directSources: directSources as readonly Cidr[],
    sourceType: source_type ?? 'ANY',
    sources: sources as readonly Cidr[],
    sourcePorts: source_ports ?? [],
  };
}

interface Range {
  readonly address_prefix?: string;
  readonly prefix_len?: number;
}

function ranges(
  list: readonly Range[] | undefined,
  field: string,
): readonly Cidr[] | { field: string; message: string } {
  const parsed: Cidr[] = [];
  for (const [i, range] of (list ?? []).entries()) {
    const cidr = parseCidr(`${range.address_prefix ?? ''}/${range.prefix_len ?? 0}`);
    if (cidr === undefined)
      return {
        field: `${field}[${i}]`,
        message: `'${range.address_prefix}/${range.prefix_len}' is no address range`,
      };
    parsed.push(cidr);
  }
  return parsed;
}

/** The chain that takes the connection, or undefined: the listener's default chain, or nothing. */
export function matchFilterChain<T extends { readonly match: CompiledMatch }>(
  chains: readonly T[],
  facts: ConnectionFacts,
): T | undefined {
  let left = chains;
  for (const step of steps) {
    left = mostSpecific(left, (match) => step(match, facts));
    if (left.length === 0) return undefined;
  }
  return left[0];
}

/** How well a chain fits by one criterion: -1 not at all, 0 it does not ask, more is more specific. */
type Step = (match: CompiledMatch, facts: ConnectionFacts) => number;

const steps: readonly Step[] = [
  (m, f) => (m.port === 0 ? 0 : m.port === f.destinationPort ? 1 : -1),
  (m, f) => longest(m.destinations, f.destinationAddress),
  (m, f) => serverNameFit(m.serverNames, f.serverName),
  (m, f) => (m.transportProtocol === '' ? 0 : m.transportProtocol === f.transportProtocol ? 1 : -1),
  (m, f) => oneOf(m.applicationProtocols, f.applicationProtocols),
  (m, f) => longest(m.directSources, f.directSourceAddress ?? f.sourceAddress),
  (m, f) => sourceTypeFit(m.sourceType, f),
  (m, f) => longest(m.sources, f.sourceAddress),
  (m, f) => (m.sourcePorts.length === 0 ? 0 : m.sourcePorts.includes(f.sourcePort) ? 1 : -1),
];

function mostSpecific<T extends { readonly match: CompiledMatch }>(
  chains: readonly T[],
  judge: (match: CompiledMatch) => number,
): readonly T[] {
  let best = -1;
  let kept: T[] = [];
  for (const chain of chains) {
    const score = judge(chain.match);
    if (score > best) {
      best = score;
      kept = [chain];
    } else if (score === best && score >= 0) kept.push(chain);
  }
  return kept;
}

/** Prefix length + 1 of the longest range that holds the address; 0 without ranges, -1 where none holds it. */
function longest(list: readonly Cidr[], address: string): number {
  if (list.length === 0) return 0;
  let best = -1;
  for (const cidr of list) if (cidrContains(cidr, address)) best = Math.max(best, cidr.prefixLength + 1);
  return best;
}

/** Exact beats `*.suffix`, a longer suffix a shorter one; a chain without names (or with `*`) takes every name. */
function serverNameFit(names: readonly string[], name: string): number {
  if (names.length === 0) return 0;
  let best = -1;
  for (const pattern of names) {
    if (pattern === '*') best = Math.max(best, 0);
    else if (pattern === name) best = Math.max(best, 1_000_000);
    else if (pattern.startsWith('*.') && name.endsWith(pattern.slice(1)))
      best = Math.max(best, pattern.length);
  }
  return best;
}

function oneOf(wanted: readonly string[], offered: readonly string[]): number {
  if (wanted.length === 0) return 0;
  return offered.some((protocol) => wanted.includes(protocol)) ? 1 : -1;
}

function sourceTypeFit(type: string, facts: ConnectionFacts): number {
  if (type === 'ANY') return 0;
  const local = facts.sourceAddress === facts.destinationAddress || isLoopback(facts.sourceAddress);
  return local === (type === 'SAME_IP_OR_LOOPBACK') ? 1 : -1;
}

function isLoopback(address: string): boolean {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return false;
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}
