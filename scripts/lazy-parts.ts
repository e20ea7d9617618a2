// Parts of the proxy that most proxies never use: they become one file beside the bundle, loaded when a configuration
// first asks for one of them. The sources import them as ever; only the bundle puts something in their place that loads
// them when it is called. So what is listed here may be called where configuration is read, not for every request.
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

/** Below src/. Whatever only they import goes with them. */
const parts: readonly string[] = [
  'proxy/admin/certs.ts',
  'proxy/admin/clusters.ts',
  'proxy/admin/config-dump.ts',
  'proxy/admin/logging.ts',
  'proxy/admin/narrow-dump.ts',
  'proxy/admin/server-stats.ts',
  'proxy/admin/stats-view.ts',
  'proxy/filters/http/buffer/filter.ts',
  'proxy/filters/http/compressor/filter.ts',
  'proxy/filters/http/cors/filter.ts',
  'proxy/filters/http/dynamic-forward-proxy/filter.ts',
  'proxy/filters/http/ext-authz/filter.ts',
  'proxy/filters/http/fault/filter.ts',
  'proxy/filters/http/grpc-stats/filter.ts',
  'proxy/filters/http/grpc-web/filter.ts',
  'proxy/filters/http/header-mutation/filter.ts',
  'proxy/filters/http/health-check/filter.ts',
  'proxy/filters/http/jwt-authn/filter.ts',
  'proxy/filters/http/local-ratelimit/filter.ts',
  'proxy/filters/http/ratelimit/filter.ts',
  'proxy/filters/http/rbac/filter.ts',
  'proxy/filters/http/stateful-session/filter.ts',
  'proxy/filters/http/router/hash-cookies.ts',
  'proxy/filters/http/router/mirror.ts',
  'proxy/filters/http/router/redirects.ts',
  'proxy/configure/file-source.ts',
  'proxy/configure/lower-process-limits.ts',
  'proxy/configure/lower-proxy-protocol.ts',
  'proxy/configure/rest-source.ts',
  'proxy/configure/spiffe-validator.ts',
  'proxy/filters/network/connection-check.ts',
  'proxy/filters/network/ext-authz/config.ts',
  'proxy/filters/network/http-connection-manager/early-mutations.ts',
  'proxy/filters/network/http-connection-manager/original-ip.ts',
  'proxy/filters/network/rbac/config.ts',
  'proxy/filters/network/tcp-proxy/http-tunnel.ts',
  'proxy/filters/network/tcp-proxy/tunneling.ts',
  'proxy/identity/proving-client.ts',
  'proxy/identity/workload-api.ts',
  'proxy/observe/access-log-filter.ts',
  'proxy/observe/format-json.ts',
  'proxy/observe/als/lower-als.ts',
  'proxy/observe/otlp-log/lower-otlp-log.ts',
  'proxy/observe/route-stats.ts',
  'proxy/observe/stats-config.ts',
  'proxy/observe/stats-log.ts',
  'proxy/observe/strftime.ts',
  'proxy/observe/tracing/lower-route-tracing.ts',
  'proxy/observe/tracing/lower-tracing.ts',
  'proxy/restart/inherited-network.ts',
  'proxy/restart/offer.ts',
  'proxy/restart/take-over.ts',
  'proxy/stream/hash-policy.ts',
  'proxy/stream/internal-redirect.ts',
  'proxy/stream/local-reply-config.ts',
  'proxy/stream/misspelled-method.ts',
  'proxy/stream/rate-limit-policy.ts',
  'proxy/upstream/aggregate-endpoints.ts',
  'proxy/upstream/balancers/bounded-load.ts',
  'proxy/upstream/balancers/maglev.ts',
  'proxy/upstream/balancers/ring-hash.ts',
  'proxy/upstream/describe.ts',
  'proxy/upstream/dns-endpoints.ts',
  'proxy/upstream/dynamic-endpoints.ts',
  'proxy/upstream/health/grpc-question.ts',
  'proxy/upstream/health/health-checker.ts',
  'proxy/upstream/health/http-question.ts',
  'proxy/upstream/health/lower-health-check.ts',
  'proxy/upstream/health/request-probe.ts',
  'proxy/upstream/health/tcp-probe.ts',
  'proxy/upstream/lower-outlier.ts',
  'proxy/upstream/lower-subsets.ts',
  'proxy/upstream/outlier.ts',
  'proxy/upstream/recent-requests.ts',
  'proxy/upstream/subset-plan.ts',
  'proxy/upstream/zone-routing.ts',
  'proxy/workers/fork.ts',
  'proxy/workers/pool.ts',
  'proxy/workers/shared-sockets.ts',
  'proxy/workers/worker-main.ts',
  'wire/proxy-protocol/decode.ts',
  'wire/http1/post.ts',
  'xds/match/metadata-matcher.ts',
  'xds/match/redirect.ts',
  'xds/match/uri-template.ts',
  'xds/sotw-client.ts',
];

/** Name of the entry, and of its file. */
export const lazyEntry = 'proxy-more';

/** For a build with `splitting` of the proxy and of the entry `lazyEntry`: what both need is in a third file. */
export const lazyParts: Plugin = {
  name: 'lazy-parts',
  setup({ onResolve, onLoad, initialOptions }) {
    const source = join(initialOptions.absWorkingDir ?? '.', 'src');
    onResolve({ filter: new RegExp(`^${lazyEntry}$`) }, ({ path }) => ({ path, namespace: 'lazy-entry' }));
    onResolve({ filter: /\.ts$/ }, ({ path, importer, namespace }) => {
      if (namespace !== 'file') return undefined;
      const part = relative(source, join(dirname(importer), path));
      return parts.includes(part) ? { path: part, namespace: 'lazy-part' } : undefined;
    });
    onLoad({ filter: /.*/, namespace: 'lazy-entry' }, () => ({
      contents: parts.map((part) => `export * from './${part}';`).join('\n'),
      resolveDir: source,
    }));
    onLoad({ filter: /.*/, namespace: 'lazy-part' }, async ({ path }) => ({
      contents: standIn(await import(pathToFileURL(join(source, path)).href)),
      resolveDir: source,
    }));
  },
};

/** A module with the same exports: texts and numbers as they are, functions and classes that load the real ones. */
function standIn(real: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(real).map(([name, value]) => `export const ${name} = ${stand(value, name)};`);
  return [
    `import { createRequire } from 'node:module';`,
    'let loaded;',
    `const real = () => (loaded ??= createRequire(import.meta.url)('./${lazyEntry}.js'));`,
    ...lines,
  ].join('\n');
}

function stand(value: unknown, path: string): string {
  if (typeof value === 'function') {
    const isClass = /^class\b/.test(String(value));
    // Before the real class is there nothing is an instance of it: `instanceof` alone does not load it.
    return isClass
      ? `new Proxy(function () {}, {
          construct: (_, args) => new (real().${path})(...args),
          get: (_, member) => loaded || member !== Symbol.hasInstance ? real().${path}[member] : () => false,
        })`
      : `(...args) => real().${path}(...args)`;
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new Error(`${path}: not an object of functions`);
  return `{ ${Object.entries(value).map(([key, item]) => `${key}: ${stand(item, `${path}.${key}`)}`)} }`;
}
