import { typeUrls } from '../../xds/resources.ts';
import type { Snapshot } from '../../xds/served-type.ts';
import type { ProxyView } from '../compile.ts';
import type { Emitted } from '../emit/emitted.ts';
import type { ResourceBytes } from './encoded.ts';

/** The secrets that one proxy may have, among those it asks for. */
export type SecretsFor = (names: ReadonlySet<string>) => readonly Emitted[];

/** What one proxy gets at one moment, as the protocol wants it. */
export function snapshotOf(
  view: ProxyView,
  secrets: SecretsFor,
  version: string,
  bytes: ResourceBytes,
): Snapshot {
  return {
    version,
    all: (typeUrl) => bytes.all(everything(view, typeUrl)),
    parts: (typeUrl) => parts(view, typeUrl).map(bytes.all),
    named: (typeUrl, names) => bytes.all(some(view, secrets, typeUrl, names)),
  };
}

function everything(view: ProxyView, typeUrl: string): readonly Emitted[] {
  switch (typeUrl) {
    case typeUrls.listener:
      return view.listeners();
    case typeUrls.cluster:
      return view.clusters();
    case typeUrls.route:
      return view.routes();
    case typeUrls.endpoint:
      return view.endpoints();
    default:
      return none;
  }
}

/** In a list that many proxies share and one of its own, where there are two. */
function parts(view: ProxyView, typeUrl: string): readonly (readonly Emitted[])[] {
  if (typeUrl !== typeUrls.listener && typeUrl !== typeUrls.cluster) return [everything(view, typeUrl)];
  const { shared, own } = typeUrl === typeUrls.listener ? view.listenerParts() : view.clusterParts();
  return [shared, own];
}

function some(
  view: ProxyView,
  secrets: SecretsFor,
  typeUrl: string,
  names: ReadonlySet<string>,
): readonly Emitted[] {
  switch (typeUrl) {
    case typeUrls.listener:
      return view.listeners([...names]);
    case typeUrls.cluster:
      return view.clusters([...names]);
    case typeUrls.route:
      return view.routes(names);
    case typeUrls.endpoint:
      return view.endpoints(names);
    case typeUrls.virtualHost:
      return view.virtualHosts([...names]);
    case typeUrls.dnsTable:
      return view.dnsTables([...names]);
    case typeUrls.secret:
      return secrets(names);
    default:
      return none;
  }
}

const none: readonly Emitted[] = [];
