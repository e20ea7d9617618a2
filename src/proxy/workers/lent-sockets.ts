/** The network of a worker: it listens on sockets that main lends. */
import { ok, type Result } from '../../lib/result.ts';
import type { Listener, ListenOptions, NetError, Network } from '../../wire/connection.ts';
import { netError } from '../../wire/sockets/net-error.ts';
import type { SocketTarget, ToMain, ToWorker } from './messages.ts';

type Lent = Extract<ToWorker, { kind: 'socket' }>;

export function lendingNetwork(
  network: Network,
  send: (message: ToMain) => void,
): { readonly network: Network; receive(message: Lent, handle: object | undefined): void } {
  const waiting = new Map<number, { readonly handles: object[]; done(message: string | undefined): void }>();
  let lastId = 0;

  const ask = (target: SocketTarget): Promise<Result<readonly object[], string>> =>
    new Promise((resolve) => {
      const id = ++lastId;
      const handles: object[] = [];
      waiting.set(id, {
        handles,
        done: (message) =>
          resolve(message === undefined ? { ok: true, value: handles } : { ok: false, error: message }),
      });
      send({ kind: 'listen', id, target });
    });

  const listen = async (options: ListenOptions): Promise<Result<Listener, NetError>> => {
    const { host = '127.0.0.1', port = 0, path } = options;
    const target: SocketTarget = path === undefined ? { kind: 'tcp', host, port } : { kind: 'pipe', path };
    const lent = await ask(target);
    if (!lent.ok) return { ok: false, error: netError('address_in_use', 'internal', false, lent.error) };
    const listeners: Listener[] = [];
    for (const handle of lent.value) {
      const result = await network.listen({ ...options, opened: { handle } });
      if (!result.ok) return result;
      listeners.push(result.value);
    }
    const { address, port: bound } = listeners[0]!;
    return ok({
      address,
      port: bound,
      async close() {
        await Promise.all(listeners.map((listener) => listener.close()));
        send({ kind: 'unlisten', target });
      },
    });
  };

  return {
    network: {
      ...network,
      listen,
      listenUdp: (options) =>
        network.listenUdp(options.port === 0 ? options : { ...options, reusePort: true }),
    },
    receive(message, handle) {
      const asked = waiting.get(message.id);
      if (asked === undefined) return;
      // One message for each socket, and one without at the end.
      if (handle !== undefined) {
        asked.handles.push(handle);
        return;
      }
      waiting.delete(message.id);
      asked.done(message.message);
    },
  };
}
