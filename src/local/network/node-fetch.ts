// Node's fetch() asks a proxy for a tunnel (CONNECT) even for plain HTTP, where curl, Python, Go and Node's own
// http.get send the request itself. A sidecar must see requests, not tunnels. So Node programs on a shared network
// load these few lines first, by NODE_OPTIONS; they make fetch ask as everybody else does.

const SCRIPT = `
const key = Symbol.for('undici.globalDispatcher.1');
await fetch('data:,'); // makes the dispatcher
const inner = globalThis[key];
const proxy = process.env.HTTP_PROXY;
const direct = (process.env.NO_PROXY ?? '').split(',');
const asRequest = (options) => {
  const target = new URL(options.origin);
  if (target.protocol !== 'http:' || direct.includes(target.hostname)) return options;
  const given = options.headers;
  const headers = Array.isArray(given) ? [...given, 'host', target.host] : { ...given, host: target.host };
  return { ...options, origin: proxy, path: target.origin + options.path, headers };
};
if (proxy !== undefined && inner !== undefined) {
  const dispatch = (options, handler) => inner.dispatch(asRequest(options), handler);
  globalThis[key] = new Proxy(inner, {
    get: (object, name) => {
      if (name === 'dispatch') return dispatch;
      const value = object[name];
      return typeof value === 'function' ? value.bind(object) : value;
    },
  });
}
`;

/** NODE_OPTIONS for an application that is to find its proxy by HTTP_PROXY. */
export const NODE_OPTIONS_FOR_FETCH = `--import=data:text/javascript,${encodeURIComponent(SCRIPT)}`;
