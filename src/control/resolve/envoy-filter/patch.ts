import type { ConfigPatch } from '../../../api/istio/envoy-filter/patch.ts';
import type { Origin } from '../../../mesh/origin.ts';
import { encode } from '../../../xds/encode.ts';
import { fromJson } from '../../../xds/json.ts';
import { isProxyFact, PROXY_FACTS } from './proxy-facts.ts';

// One change that an EnvoyFilter asks for, read: its value is a message of the kind that it changes.

export type PatchMatch = NonNullable<ConfigPatch['match']>;
export type PatchOperation = Exclude<NonNullable<NonNullable<ConfigPatch['patch']>['operation']>, 'INVALID'>;
export type PatchPlace = keyof typeof MESSAGES;

/** One change, ready to be made. */
export interface EnvoyPatch {
  readonly applyTo: PatchPlace;
  readonly operation: PatchOperation;
  readonly match: PatchMatch;
  /** The piece of configuration in the shape of all xDS objects here; empty for REMOVE. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly filterClass: string;
  readonly origin: Origin;
}

/** Why a change is not made, or what of it has no effect. */
export interface PatchProblem {
  /** Of the patch: `.applyTo`. */
  readonly field: string;
  readonly message: string;
  /** The value is no message of its kind, whatever release reads it. */
  readonly wrong?: true;
}

/** The message that a patch's value is. */
const MESSAGES = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
} as const;

/** Places with an order, where INSERT means more than ADD (Istio's convertToEnvoyFilterWrapper). */
const ORDERED: ReadonlySet<string> = new Set([
  'HTTP_FILTER',
  'NETWORK_FILTER',
  'HTTP_ROUTE',
  'LISTENER_FILTER',
]);

/** What another release of Envoy may well know. */
const OF_ANOTHER_RELEASE = /: no message '|has no field '/;

/** A change as it is written, read; undefined with the reason where it cannot be made. */
export function readPatch(
  patch: ConfigPatch,
  origin: Origin,
): { readonly patch: EnvoyPatch | undefined; readonly problems: readonly PatchProblem[] } {
  const { applyTo = 'INVALID', match = {}, patch: change = {} } = patch;
  const refused = refusal(patch);
  if (refused !== undefined) return { patch: undefined, problems: [refused] };
  const message = MESSAGES[applyTo as PatchPlace];
  const { value, problems } = fromJson<Record<string, unknown>>(message, change.value ?? {});
  const [first] = problems;
  const problem =
    first === undefined ? unwritable(message, value) : `${first.path || 'value'}: ${first.message}`;
  if (problem !== undefined)
    return {
      patch: undefined,
      problems: [
        {
          field: '.patch.value',
          message: `${problem}; this change is not made`,
          ...(OF_ANOTHER_RELEASE.test(problem) ? {} : { wrong: true }),
        },
      ],
    };
  const read: EnvoyPatch = {
    applyTo: applyTo as PatchPlace,
    operation: operationOf(applyTo, change.operation as PatchOperation),
    match,
    value,
    filterClass: change.filterClass ?? '',
    origin,
  };
  return { patch: read, problems: unused(match) };
}

/** What no protobuf message can hold, such as a negative number of something. */
function unwritable(message: string, value: object): string | undefined {
  try {
    encode(message, value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function operationOf(applyTo: string, operation: PatchOperation): PatchOperation {
  return operation.startsWith('INSERT_') && !ORDERED.has(applyTo) ? 'ADD' : operation;
}

function refusal({ applyTo = 'INVALID', match = {}, patch }: ConfigPatch): PatchProblem | undefined {
  if (applyTo === 'BOOTSTRAP')
    return {
      field: '.applyTo',
      message:
        'a bootstrap is written where its proxy is started, before it asks for anything: change it there; this change is not made',
    };
  if (MESSAGES[applyTo as PatchPlace] === undefined)
    return { field: '.applyTo', message: `${applyTo} is not supported; this change is not made` };
  if (applyTo === 'EXTENSION_CONFIG' && patch?.operation !== 'ADD')
    return {
      field: '.patch.operation',
      message: 'configurations of extensions can only be added: ADD; this change is not made',
    };
  if (match.context === 'WAYPOINT')
    return { field: '.match.context', message: 'there are no waypoints here; this change is not made' };
  const unknown = Object.keys(match.proxy?.metadata ?? {}).find((key) => !isProxyFact(key));
  return unknown === undefined
    ? undefined
    : {
        field: `.match.proxy.metadata.${unknown}`,
        message: `${unknown} is not known of proxies (known are ${PROXY_FACTS.join(', ')}); this change is not made`,
      };
}

/** Istio does not look at names of ports of listeners either. */
function unused({ listener }: PatchMatch): PatchProblem[] {
  if (!listener?.portName) return [];
  const message = 'listeners are not told apart by portName, which is passed over; use portNumber or name';
  return [{ field: '.match.listener.portName', message }];
}
