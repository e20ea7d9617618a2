import { type Compiled, type CompileSettings, compile, type ProxyView } from '../control/compile.ts';
import { parseDocuments } from '../control/watch/files/documents.ts';
import { makeResourceStore, type ResourceStore } from '../control/watch/store.ts';
import type { FilterChain, HttpConnectionManager, TcpProxy, VirtualHost } from '../xds/resources.ts';

// Meshes out of a few lines of YAML, compiled, and short ways to look at what came out.

/** A store with the objects of a YAML text. Throws where one is not valid: a test means what it writes. */
export function storeOf(...texts: readonly string[]): ResourceStore {
  const store = makeResourceStore();
  store.apply(
    texts.map(
      (text, i) =>
        ({ type: 'put', origin: `mesh-${i}.yaml`, ...parseDocuments(text, `mesh-${i}.yaml`) }) as const,
    ),
  );
  const bad = store.statuses().filter(({ state }) => state !== 'ok');
  if (bad.length > 0) throw new Error(`not valid: ${JSON.stringify(bad, null, 2)}`);
  return store;
}

/** The mesh of a YAML text without a platform: Deployments stand for their Pods. */
export function meshOf(text: string, settings: CompileSettings = {}): Compiled {
  return compile(storeOf(text).resources(), { offline: true, ...settings });
}

/** What one proxy gets; `who` as in `weft dump`: `sidecar~default/reviews-v1`. */
export function proxyOf(
  mesh: Compiled,
  who: string,
  labels: Readonly<Record<string, string>> = {},
): ProxyView {
  const [, type, namespace, name] = /^(\w+)~([^/]+)\/(.+)$/.exec(who) ?? [];
  const id = `${type === 'sidecar' ? 'sidecar' : 'router'}~~${name}.${namespace}~${namespace}.svc.cluster.local`;
  const view = mesh.forProxy({ id, metadata: { LABELS: labels } });
  if (view === undefined) throw new Error(`no proxy ${who}`);
  return view;
}

/** A resource by its name; throws with the names there are. */
export function named<T extends object>(
  list: readonly { readonly name: string; readonly object: T }[],
  name: string,
): T {
  const found = list.find((resource) => resource.name === name);
  if (found === undefined)
    throw new Error(`no ${name} among ${list.map((resource) => resource.name).join(', ')}`);
  return found.object;
}

/** A virtual host of a route configuration that has a domain. */
export function hostOf(view: ProxyView, routes: string, domain: string): VirtualHost {
  const { virtual_hosts = [] } = named(view.routes([routes]), routes);
  const found = virtual_hosts.find(({ domains = [] }) => domains.includes(domain));
  if (found === undefined)
    throw new Error(`no ${domain} among ${virtual_hosts.flatMap(({ domains }) => domains ?? []).join(', ')}`);
  return found;
}

/** The last filter of a chain, which is all of it: an HTTP connection manager or a TCP proxy. */
export function filterOf(chain: FilterChain | undefined): HttpConnectionManager & TcpProxy {
  return (chain?.filters?.at(-1)?.typed_config ?? {}) as HttpConnectionManager & TcpProxy;
}

/** A Service for HTTP on one port, and one Deployment for each version, all labelled `app`. */
export function httpService(
  name: string,
  options: {
    readonly port?: number;
    readonly versions?: readonly string[];
    readonly namespace?: string;
  } = {},
): string {
  const { port = 80, versions = ['v1'], namespace = 'default' } = options;
  const service = `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: ${port} }] }`;
  return [service, ...versions.map((version) => deployment(name, version, namespace))].join('\n---');
}

function deployment(app: string, version: string, namespace: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${app}-${version}, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${app}, version: ${version} } }
  template:
    metadata: { labels: { app: ${app}, version: ${version} } }
    spec: { serviceAccountName: ${app}, containers: [{ name: ${app}, image: none }] }`;
}
