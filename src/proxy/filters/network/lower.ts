import { fieldIn, type Refuse } from '../../../xds/match/refuse.ts';
import { type HttpConnectionManager, messageOf, type TcpProxy } from '../../../xds/resources.ts';
import { lowering } from '../../lowered.ts';
import type { FilterContext, LowerNetworkFilters, TerminalFilter } from '../../runtime.ts';
import { type ConnectionCheck, guarded } from './connection-check.ts';
import { EXT_AUTHZ_MESSAGE, readNetworkExtAuthz } from './ext-authz/config.ts';
import { MANAGER_MESSAGE, readManager } from './http-connection-manager/config.ts';
import { ConnectionManager } from './http-connection-manager/filter.ts';
import { RBAC_MESSAGE, readNetworkRbac } from './rbac/config.ts';
import { readTcpProxy, SNI_CLUSTER_MESSAGE, TCP_PROXY_MESSAGE } from './tcp-proxy/config.ts';
import { TcpProxyFilter } from './tcp-proxy/filter.ts';

type FilterMessage = Parameters<LowerNetworkFilters>[0][number];

/** The filters of a chain: checks of the connection, then the one that takes it over. */
export const lowerNetworkFilters: LowerNetworkFilters = (filters, context) => {
  const lowered = lowering((refuse) => readChain(filters, context, refuse));
  if (!lowered.ok) return lowered;
  // Made only now: a filter that counts and opens things is not made from half a configuration.
  const { checks, makeTerminal } = lowered.value;
  const terminal = makeTerminal();
  return { ok: true, value: checks.length === 0 ? terminal : guarded(checks, terminal) };
};

interface Chain {
  readonly checks: readonly ConnectionCheck[];
  readonly makeTerminal: () => TerminalFilter;
}

function readChain(filters: readonly FilterMessage[], context: FilterContext, refuse: Refuse): Chain {
  const checks: ConnectionCheck[] = [];
  let makeTerminal: (() => TerminalFilter) | undefined;
  let clusterFromServerName = false;
  for (const [i, filter] of filters.entries()) {
    const field = `${context.field}[${i}]`;
    if (makeTerminal !== undefined) refuse(field, 'comes after a filter that takes the connection over');
    if (messageOf(filter.typed_config?.['@type'] ?? '') === SNI_CLUSTER_MESSAGE) {
      clusterFromServerName = true;
      continue;
    }
    const check = readCheck(filter, context, refuse, fieldIn(field, 'typed_config'));
    if (check !== undefined) checks.push(check);
    else
      makeTerminal = readTerminal(
        filter,
        context,
        clusterFromServerName,
        refuse,
        fieldIn(field, 'typed_config'),
      );
  }
  if (makeTerminal === undefined)
    refuse(
      context.field,
      'do not end in one that takes the connection over (http_connection_manager or tcp_proxy)',
    );
  return { checks, makeTerminal: makeTerminal as () => TerminalFilter };
}

function readCheck(
  filter: FilterMessage,
  context: FilterContext,
  refuse: Refuse,
  field: string,
): ConnectionCheck | undefined {
  const { typed_config } = filter;
  if (typed_config === undefined) return undefined;
  switch (messageOf(typed_config['@type'])) {
    case RBAC_MESSAGE:
      return readNetworkRbac(typed_config, context, refuse, field);
    case EXT_AUTHZ_MESSAGE:
      return readNetworkExtAuthz(typed_config, context, refuse, field);
    default:
      return undefined;
  }
}

function readTerminal(
  filter: FilterMessage,
  context: FilterContext,
  clusterFromServerName: boolean,
  refuse: Refuse,
  field: string,
): (() => TerminalFilter) | undefined {
  const { '@type': type = '', ...message } = filter.typed_config ?? {};
  switch (messageOf(type)) {
    case MANAGER_MESSAGE: {
      const config = readManager(message as HttpConnectionManager, context, refuse, field);
      return () => new ConnectionManager(config, context);
    }
    case TCP_PROXY_MESSAGE: {
      const config = readTcpProxy(message as TcpProxy, context, clusterFromServerName, refuse, field);
      return () => new TcpProxyFilter(config, context);
    }
    default:
      refuse(field, `the network filter '${messageOf(type) || filter.name}' is not supported by this proxy`);
      return undefined;
  }
}
