import type { ProxyState, ProxyStatus, ProxyTypeStatus } from '../../server/contract.ts';
import { workloadSpiffeId } from '../../wire/identity/spiffe.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { ServedType } from '../../xds/served-type.ts';
import type { AdsStream } from './ads-stream.ts';
import type { TypeRecord } from './stream-record.ts';
import { dataPlaneOf, userAgentOf } from './user-agent.ts';

const typeNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(typeUrls).map(([kind, url]) => [url, `${kind}s`]),
);

/** What the status page says of one stream; undefined before its first request. */
export function proxyStatusOf(stream: AdsStream, connected: boolean): ProxyStatus | undefined {
  const proxy = stream.proxy;
  if (proxy === undefined) return undefined;
  const { node, id } = proxy;
  const { record, peer } = stream;
  const types = [...stream.types.values()].map((type) => typeStatusOf(type, record.types.get(type.typeUrl)));
  return {
    name: `${id.name}.${id.namespace}`,
    node: node.id ?? '',
    type: id.type,
    dataPlane: dataPlaneOf(node),
    userAgent: userAgentOf(node),
    protocol: stream.protocol,
    connected,
    connectedAtMs: record.connectedAtMs,
    identity: peer === undefined ? '' : workloadSpiffeId(peer.identity),
    state: worst(types.map(({ state }) => state)),
    types,
    ...(record.lastPushMs !== undefined && { lastPushMs: record.lastPushMs }),
    ...(record.lastPushAtMs !== undefined && { lastPushAtMs: record.lastPushAtMs }),
    pushes: record.pushes,
    rejections: record.rejections,
  };
}

function typeStatusOf(type: ServedType, record: TypeRecord | undefined): ProxyTypeStatus {
  const { sentAtMs, ackedAtMs, nack } = record ?? {};
  return {
    type: typeNames[type.typeUrl] ?? type.typeUrl,
    state: stateOf(type),
    resources: type.sent.count(),
    ...(sentAtMs !== undefined && { sentAtMs }),
    ...(ackedAtMs !== undefined && { ackedAtMs }),
    ...(nack !== undefined &&
      type.refused.size > 0 && {
        nack: { atMs: nack.atMs, message: nack.message, resources: [...type.refused.keys()] },
      }),
  };
}

function stateOf(type: ServedType): ProxyState {
  if (type.refused.size > 0) return 'rejected';
  return type.outstanding !== undefined || type.dirty ? 'pending' : 'synced';
}

function worst(states: readonly ProxyState[]): ProxyState {
  if (states.includes('rejected')) return 'rejected';
  return states.length === 0 || states.includes('pending') ? 'pending' : 'synced';
}
