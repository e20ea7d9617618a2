import { keyText, type ObjectKey } from '../../api/object.ts';
import type { ObjectAnswer, ObjectAtProxy, ObjectQuestion } from '../../server/contract.ts';
import { ON_DEMAND } from '../../xds/names.ts';
import { covers, standing } from '../../xds/served-type.ts';
import type { Emitted } from '../emit/emitted.ts';
import { statusFields } from '../kubernetes-status/fields.ts';
import type { ObjectStatus } from '../watch/status.ts';
import type { AdsStream } from './ads-stream.ts';
import { resourcesOf } from './delivery.ts';
import type { Fleet } from './fleet.ts';
import type { MeshState } from './mesh-state.ts';
import { objectReport } from './status-report.ts';

/** One object, its state, and each proxy that it concerns; undefined where there is none of the name. */
export function objectAnswer(
  wanted: ObjectQuestion,
  statuses: readonly ObjectStatus[],
  fleet: Fleet,
  nowMs: number,
): ObjectAnswer | undefined {
  const named = statuses.filter(({ key }) => key !== undefined && isWanted(key, wanted));
  // Of several documents for one object the one that counts.
  const status = named.find(({ state }) => state === 'ok') ?? named[0];
  if (status?.key === undefined) return undefined;
  const state = fleet.state();
  const { key } = status;
  const proxies = fleet.streams().flatMap((stream) => atProxy(key, stream, state) ?? []);
  const live = { proxies: proxies.filter((one) => one.state === 'live').length, of: proxies.length };
  const findings = state.compiled.findings().filter((one) => keyText(one.key) === keyText(key));
  const onDemand = proxies.length === 0 && fleet.streams().some((stream) => wouldGet(key, stream, state));
  const own = state.compiled.gatewayApiStatuses().find((one) => keyText(one.key) === keyText(key));
  const answer = { nowMs, object: objectReport(status, live, findings), proxies, onDemand };
  return own === undefined ? answer : { ...answer, status: statusFields(own) };
}

/** Whether a proxy that holds only what its workload uses would get something of the object. */
function wouldGet(key: ObjectKey, stream: AdsStream, { compiled }: MeshState): boolean {
  const { node } = stream.proxy ?? {};
  const { [ON_DEMAND]: onDemand, ...metadata } = node?.metadata ?? {};
  const view = onDemand === undefined ? undefined : compiled.forProxy({ id: node?.id ?? '', metadata });
  if (view === undefined) return false;
  const text = keyText(key);
  const all = [view.routes, view.clusters, view.listeners, view.endpoints];
  return all.some((list) =>
    list().some(({ provenance }: Emitted) => provenance.some((origin) => keyText(origin) === text)),
  );
}

function isWanted(key: ObjectKey, { kind, namespace, name }: ObjectQuestion): boolean {
  if (key.name !== name || (key.namespace !== '' && key.namespace !== namespace)) return false;
  const [word = '', ...group] = kind.toLowerCase().split('.');
  if (group.length > 0 && group.join('.') !== key.group) return false;
  return wordsFor(key.kind).includes(word);
}

/** As kubectl knows them. */
const SHORT: Readonly<Record<string, string>> = {
  VirtualService: 'vs',
  DestinationRule: 'dr',
  Gateway: 'gw',
  ServiceEntry: 'se',
  WorkloadEntry: 'we',
  WorkloadGroup: 'wg',
  PeerAuthentication: 'pa',
  RequestAuthentication: 'ra',
  AuthorizationPolicy: 'ap',
  Service: 'svc',
  Pod: 'po',
  Namespace: 'ns',
  ConfigMap: 'cm',
  ServiceAccount: 'sa',
  Deployment: 'deploy',
};

function wordsFor(kind: string): readonly string[] {
  const word = kind.toLowerCase();
  const many = word.endsWith('y') ? `${word.slice(0, -1)}ies` : word.endsWith('s') ? `${word}es` : `${word}s`;
  return [word, many, SHORT[kind] ?? word];
}

/** Where it stands at one proxy; undefined where it does not concern the proxy. */
function atProxy(
  key: ObjectKey,
  stream: AdsStream,
  { compiled, bytes }: MeshState,
): ObjectAtProxy | undefined {
  const { node, id } = stream.proxy ?? {};
  const view =
    node && compiled.forProxy({ id: node.id ?? '', ...(node.metadata && { metadata: node.metadata }) });
  if (view === undefined || id === undefined) return undefined;
  const text = keyText(key);
  let state: ObjectAtProxy['state'] | undefined;
  let sinceMs = 0;
  let message: string | undefined;
  for (const [typeUrl, type] of stream.types) {
    const made = resourcesOf(view, typeUrl, type.wildcard, type.names).filter(
      ({ name, provenance }) => covers(type, name) && provenance.some((origin) => keyText(origin) === text),
    );
    for (const emitted of made) {
      const resource = bytes.of(emitted);
      if (resource === undefined) continue;
      const one = standing(type, resource);
      state = worse(state, one);
      const record = stream.record.types.get(typeUrl);
      if (one === 'refused') message = record?.nack?.message;
      sinceMs = Math.max(sinceMs, (one === 'refused' ? record?.nack?.atMs : record?.ackedAtMs) ?? 0);
    }
  }
  if (state === undefined) return undefined;
  const proxy = `${id.name}.${id.namespace}`;
  return {
    proxy,
    state,
    ...(state !== 'pending' && { sinceMs }),
    ...(message !== undefined && { message }),
  };
}

const RANK = { live: 0, pending: 1, refused: 2 } as const;

function worse(a: ObjectAtProxy['state'] | undefined, b: ObjectAtProxy['state']): ObjectAtProxy['state'] {
  return a === undefined || RANK[b] > RANK[a] ? b : a;
}
