/**
 * Listener (config.listener.v3) to what accept/ runs. A chain whose message is the same as before is taken over as it
 * is, with its open connections; everything not understood is refused by name.
 */
import { parseProtoDurationMs } from '../../lib/duration.ts';
import { compileMatch } from '../../xds/match/filter-chain.ts';
import type * as messages from '../../xds/resources.ts';
import { lowerDnsFilter } from '../dns/lower-dns-filter.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { Downstream, LowerNetworkFilters, Runtime } from '../runtime.ts';
import { refuseRest } from './data-source.ts';
import type { Bind, Chain, Listener } from './listener.ts';
import { lowerListenerFilters } from './lower-listener-filters.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { lowerDownstreamTls } from './lower-transport-socket.ts';

export interface ListenerEnvironment {
  readonly runtime: Runtime;
  readonly tls: TlsEnvironment;
  readonly lowerNetworkFilters: LowerNetworkFilters;
}

type Refuse = (field: string, message: string) => void;

/** Fields that are read elsewhere, or change nothing a user could see in this proxy. */
const withoutEffect = [
  'access_log', // checkAccessLogs
  'metadata', // for whoever reads the configuration
  'stat_prefix', // where it is counted
  // How connections come to Envoy's threads: here the kernel spreads them over the workers.
  'enable_reuse_port',
  'reuse_port',
  'connection_balance_config',
  'max_connections_to_accept_per_socket_event',
  // Whether connections are told to leave by /healthcheck/fail too: they are told nothing that harms them.
  'drain_type',
  'bypass_overload_manager', // of all its actions there is only the limit of connections
  'per_connection_buffer_limit_bytes', // what is held is bounded by the socket's mark
  'udp_listener_config', // for QUIC, whose filter chains are refused
] as const;

/**
 * Logs of connections that no chain takes (flag NR): this proxy says so in its own log and counts them
 * (no_filter_chain_match). A log of all connections is refused: it would stay empty.
 */
function checkAccessLogs(logs: messages.Listener['access_log'], refuse: Refuse): void {
  for (const [i, { filter }] of (logs ?? []).entries())
    if (filter?.response_flag_filter?.flags?.join() !== 'NR')
      refuse(
        `access_log[${i}]`,
        'is not supported by this proxy: only for connections that no chain takes (NR)',
      );
}

/** Lowers a listener; `previous` is the one of that name in use, whose equal chains are kept. */
export function lowerListener(
  message: messages.Listener,
  environment: ListenerEnvironment,
  previous?: Listener,
): Lowered<Listener> {
  return lowering((refuse) => {
    const { name, address, additional_addresses, filter_chains, default_filter_chain, ...more } = message;
    const { use_original_dst, listener_filters, listener_filters_timeout, ...others } = more;
    const { continue_on_listener_filters_timeout, traffic_direction, bind_to_port, deprecated_v1, ...last } =
      others;
    const { tcp_backlog_size, ignore_global_conn_limit = false, ...rest } = last;
    const unknown = Object.fromEntries(
      Object.entries(rest).filter(([key]) => !withoutEffect.some((k) => k === key)),
    );
    refuseRest(unknown, 'listener', refuse);
    checkAccessLogs(message.access_log, refuse);
    const direction = directionOf(traffic_direction);
    const inspect = lowerListenerFilters(listener_filters ?? [], refuse);
    const udp = inspect.dns !== undefined;
    const bound = (bind_to_port ?? deprecated_v1?.bind_to_port) !== false;
    const addresses = [address, ...(additional_addresses ?? []).map((a) => a.address)];
    const binds = addresses.map((a, i) => lowerAddress(a, `address[${i}]`, tcp_backlog_size, udp, refuse));
    const context = { environment, previous, direction, listener: name ?? '', refuse };
    const chains = (filter_chains ?? []).map((chain, i) => lowerChain(chain, `filter_chains[${i}]`, context));
    return {
      name: name ?? '',
      binds: bound ? binds : [],
      ignoresConnectionLimit: ignore_global_conn_limit,
      address: hostAndPort(binds[0]!),
      direction,
      useOriginalDestination: use_original_dst === true,
      inspect: {
        ...inspect,
        originalDestination: inspect.originalDestination || use_original_dst === true,
        timeoutMs:
          listener_filters_timeout === undefined
            ? 15_000
            : (parseProtoDurationMs(listener_filters_timeout) ?? 0),
        continueOnTimeout: continue_on_listener_filters_timeout === true,
      },
      chains,
      defaultChain:
        default_filter_chain === undefined
          ? undefined
          : lowerChain(default_filter_chain, 'default_filter_chain', context),
      dns: inspect.dns === undefined ? undefined : lowerDnsFilter(inspect.dns, refuse),
    };
  });
}

interface ChainContext {
  readonly environment: ListenerEnvironment;
  readonly previous: Listener | undefined;
  readonly direction: Downstream['direction'];
  readonly listener: string;
  readonly refuse: Refuse;
}

function lowerChain(message: messages.FilterChain, field: string, context: ChainContext): Chain {
  const source = JSON.stringify(message);
  const kept =
    context.previous?.chains.find((c) => c.source === source) ?? sameDefault(context.previous, source);
  return kept ?? makeChain(message, source, field, context);
}

function sameDefault(previous: Listener | undefined, source: string): Chain | undefined {
  return previous?.defaultChain?.source === source ? previous.defaultChain : undefined;
}

function makeChain(
  message: messages.FilterChain,
  source: string,
  field: string,
  context: ChainContext,
): Chain {
  const { environment, direction, listener, refuse } = context;
  const {
    name,
    filter_chain_match,
    filters,
    transport_socket,
    transport_socket_connect_timeout,
    metadata: _m,
    ...rest
  } = message;
  refuseRest(rest, field, refuse);
  const match = compileMatch(filter_chain_match);
  if ('field' in match) refuse(`${field}.filter_chain_match.${match.field}`, match.message);
  const handshakeTimeoutMs = parseProtoDurationMs(transport_socket_connect_timeout ?? '') ?? undefined;
  const tls = lowerDownstreamTls(
    transport_socket,
    `${field}.transport_socket`,
    environment.tls,
    handshakeTimeoutMs,
  );
  const terminal = environment.lowerNetworkFilters(filters ?? [], {
    runtime: environment.runtime,
    listener,
    filterChain: name ?? '',
    direction,
    field: `${field}.filters`,
  });
  for (const part of [tls, terminal]) if (!part.ok) for (const r of part.refusals) refuse(r.field, r.message);
  return {
    name: name ?? '',
    match: match as Chain['match'],
    tls: tls.ok ? tls.value : undefined,
    terminal: terminal.ok ? terminal.value : (undefined as never),
    source,
  };
}

function lowerAddress(
  address: messages.Address | undefined,
  field: string,
  backlog: number | undefined,
  udp: boolean,
  refuse: Refuse,
): Bind {
  if (address?.pipe?.path !== undefined) return { kind: 'pipe', path: address.pipe.path };
  const socket = address?.socket_address;
  if (socket?.address === undefined || socket.port_value === undefined) {
    refuse(field, 'needs socket_address with address and port_value, or pipe');
  }
  const host = socket?.address ?? '0.0.0.0';
  const port = socket?.port_value ?? 0;
  if (socket?.protocol === 'UDP' || udp) return { kind: 'udp', host, port };
  return { kind: 'tcp', host, port, backlog, reusePort: false };
}

function hostAndPort(bind: Bind): { host: string; port: number } {
  return bind.kind === 'pipe' ? { host: bind.path, port: 0 } : { host: bind.host, port: bind.port };
}

function directionOf(direction: string | undefined): Downstream['direction'] {
  if (direction === 'INBOUND') return 'inbound';
  return direction === 'OUTBOUND' ? 'outbound' : 'unspecified';
}
