/** A network that listens on the sockets of the proxy before, where it had them, and shares the ports it opens itself. */
import { ok, type Result } from '../../lib/result.ts';
import type { Listener, ListenOptions, NetError, Network } from '../../wire/connection.ts';

/** `inherited`: descriptors by key, as the acceptor names them; what is used is taken out. */
export function inheritingNetwork(network: Network, inherited: Map<string, number[]>): Network {
  const listen = async (options: ListenOptions): Promise<Result<Listener, NetError>> => {
    const key = `tcp ${options.host}:${options.port}`;
    const fds = options.path === undefined ? inherited.get(key) : undefined;
    if (fds === undefined)
      return network.listen(options.path === undefined ? { ...options, reusePort: true } : options);
    inherited.delete(key);
    const listeners: Listener[] = [];
    for (const fd of fds) {
      const result = await network.listen({ ...options, opened: { fd } });
      if (!result.ok) return result;
      listeners.push(result.value);
    }
    return ok(together(listeners));
  };
  return {
    ...network,
    listen,
    listenUdp: (options) => network.listenUdp(options.port === 0 ? options : { ...options, reusePort: true }),
  };
}

/** Several sockets of one port, as several workers of the proxy before had them, as one. */
function together(listeners: readonly Listener[]): Listener {
  const [first, ...more] = listeners as readonly [Listener, ...Listener[]];
  if (more.length === 0) return first;
  return {
    address: first.address,
    port: first.port,
    get fds() {
      return listeners.flatMap(({ fds = [] }) => fds);
    },
    close: async () => void (await Promise.all(listeners.map((listener) => listener.close()))),
  };
}
