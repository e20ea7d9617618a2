import { keyText, type ObjectKey } from '../../api/object.ts';
import { typeUrls } from '../../xds/resources.ts';
import { covers, standing } from '../../xds/served-type.ts';
import type { Compiled, ProxyView } from '../compile.ts';
import type { Emitted } from '../emit/emitted.ts';
import type { AdsStream } from './ads-stream.ts';
import type { ResourceBytes } from './encoded.ts';

/** On how many of the proxies that an object concerns its present version is in use. */
export interface Live {
  readonly proxies: number;
  readonly of: number;
}

/** Where objects are live at one moment. */
export interface Delivery {
  liveOf(key: ObjectKey): Live;
}

/**
 * Works out where objects are live: an object concerns a proxy where something was made from it that the proxy has asked
 * for, and is live there when the proxy uses all of that.
 */
export function deliveryOf(
  streams: readonly AdsStream[],
  compiled: Compiled,
  bytes: ResourceBytes,
): Delivery {
  const counts = new Map<string, { proxies: number; of: number }>();
  for (const stream of streams) {
    for (const [key, isLive] of objectsAt(stream, compiled, bytes)) {
      const count = counts.get(key) ?? { proxies: 0, of: 0 };
      count.of += 1;
      if (isLive) count.proxies += 1;
      counts.set(key, count);
    }
  }
  return { liveOf: (key) => counts.get(keyText(key)) ?? { proxies: 0, of: 0 } };
}

/** The objects that concern one proxy, and whether it uses what they make. */
function objectsAt(
  stream: AdsStream,
  compiled: Compiled,
  bytes: ResourceBytes,
): ReadonlyMap<string, boolean> {
  const live = new Map<string, boolean>();
  const proxy = stream.proxy;
  const { id = '', metadata } = proxy?.node ?? {};
  const view = proxy && compiled.forProxy({ id, ...(metadata && { metadata }) });
  if (view === undefined) return live;
  for (const [typeUrl, type] of stream.types) {
    for (const emitted of resourcesOf(view, typeUrl, type.wildcard, type.names)) {
      const resource = bytes.of(emitted);
      if (resource === undefined || !covers(type, emitted.name)) continue;
      const isLive = standing(type, resource) === 'live';
      for (const origin of emitted.provenance) {
        const key = keyText(origin);
        live.set(key, isLive && (live.get(key) ?? true));
      }
    }
  }
  return live;
}

/** What a proxy gets of a type, of all that it asked for. */
export function resourcesOf(
  view: ProxyView,
  typeUrl: string,
  wildcard: boolean,
  names: ReadonlySet<string>,
): readonly Emitted[] {
  switch (typeUrl) {
    case typeUrls.listener:
      return [...(wildcard ? view.listeners() : []), ...(names.size > 0 ? view.listeners([...names]) : [])];
    case typeUrls.cluster:
      return [...(wildcard ? view.clusters() : []), ...(names.size > 0 ? view.clusters([...names]) : [])];
    case typeUrls.virtualHost:
      return view.virtualHosts([...names]);
    case typeUrls.dnsTable:
      return view.dnsTables([...names]);
    case typeUrls.route:
      return view.routes(wildcard ? undefined : names);
    case typeUrls.endpoint:
      return view.endpoints(wildcard ? undefined : names);
    default:
      return [];
  }
}
