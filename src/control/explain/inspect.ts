import type { ListenerFilter, ListenerFilterPredicate } from '../../xds/listener-types.ts';
import type { ConnectionFacts } from '../../xds/match/filter-chain.ts';
import type { Listener } from '../../xds/resources.ts';
import type { Connection } from './connection.ts';

/** What a listener knows of a connection when it chooses a filter chain: only what its inspectors look at. */
export function inspect(listener: Listener, connection: Connection): ConnectionFacts {
  const { destination, source, layers, content } = connection;
  const [outermost] = layers;
  const facts = {
    destinationAddress: destination.address,
    destinationPort: destination.port,
    sourceAddress: source.address,
    sourcePort: source.port,
  };
  if (outermost !== undefined && runs(listener, 'TlsInspector', destination.port))
    return {
      ...facts,
      transportProtocol: 'tls',
      serverName: outermost.serverName.toLowerCase(),
      applicationProtocols: outermost.alpn,
    };
  const plain = outermost === undefined && content !== 'tcp';
  const looks = plain && runs(listener, 'HttpInspector', destination.port);
  return {
    ...facts,
    transportProtocol: 'raw_buffer',
    serverName: '',
    applicationProtocols: looks ? [content] : [],
  };
}

function runs(listener: Listener, message: string, port: number): boolean {
  const filter = (listener.listener_filters ?? []).find((one) => isKind(one, message));
  return filter !== undefined && !(filter.filter_disabled && holds(filter.filter_disabled, port));
}

function isKind({ typed_config }: ListenerFilter, message: string): boolean {
  return typed_config?.['@type'].endsWith(`.${message}`) ?? false;
}

/** config.listener.v3.ListenerFilterChainMatchPredicate. */
function holds(predicate: ListenerFilterPredicate, port: number): boolean {
  if (predicate.any_match === true) return true;
  if (predicate.or_match !== undefined)
    return (predicate.or_match.rules ?? []).some((rule) => holds(rule, port));
  if (predicate.and_match !== undefined)
    return (predicate.and_match.rules ?? []).every((rule) => holds(rule, port));
  if (predicate.not_match !== undefined) return !holds(predicate.not_match, port);
  const { start = 0, end = 0 } = predicate.destination_port_range ?? {};
  return port >= start && port < end;
}
