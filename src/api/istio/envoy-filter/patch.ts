import { anyObject, type Infer, message, oneOf, text, textMap, uint32 } from '../../schema.ts';

const filterMatch = message({}, { name: text, subFilter: message({}, { name: text }) });

const listenerMatch = message(
  {},
  {
    portNumber: uint32,
    portName: text,
    filterChain: message(
      {},
      {
        name: text,
        sni: text,
        transportProtocol: text,
        applicationProtocols: text,
        filter: filterMatch,
        destinationPort: uint32,
      },
    ),
    listenerFilter: text,
    name: text,
  },
);

const routeConfigurationMatch = message(
  {},
  {
    portNumber: uint32,
    portName: text,
    gateway: text,
    vhost: message(
      {},
      {
        name: text,
        domainName: text,
        route: message({}, { name: text, action: oneOf('ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE') }),
      },
    ),
    name: text,
  },
);

const match = message(
  {},
  {
    context: oneOf('ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT'),
    proxy: message({}, { proxyVersion: text, metadata: textMap }),
    listener: listenerMatch,
    routeConfiguration: routeConfigurationMatch,
    cluster: message({}, { portNumber: uint32, service: text, subset: text, name: text }),
    waypoint: message({}, { filter: filterMatch, portNumber: uint32, route: message({}, { name: text }) }),
  },
);

/** One change: where (applyTo, match), how (operation), and the piece of configuration. */
export const configPatch = message(
  {},
  {
    applyTo: oneOf(
      'INVALID',
      'LISTENER',
      'FILTER_CHAIN',
      'NETWORK_FILTER',
      'HTTP_FILTER',
      'ROUTE_CONFIGURATION',
      'VIRTUAL_HOST',
      'HTTP_ROUTE',
      'CLUSTER',
      'EXTENSION_CONFIG',
      'BOOTSTRAP',
      'LISTENER_FILTER',
    ),
    match,
    patch: message(
      {},
      {
        operation: oneOf(
          'INVALID',
          'MERGE',
          'ADD',
          'REMOVE',
          'INSERT_BEFORE',
          'INSERT_AFTER',
          'INSERT_FIRST',
          'REPLACE',
          'MERGE_AND_REPLACE_LIST',
        ),
        value: anyObject,
        filterClass: oneOf('UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'),
      },
    ),
  },
);
export type ConfigPatch = Infer<typeof configPatch>;
